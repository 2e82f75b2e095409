// DNS messages: every section and name is read, and what was read can be written again.
// tests/oracle/wire_seeds.cpp writes the seeds.
#include "spiderling/dns_builder.h"
#include "wire/testing_touch.h"

namespace {

using namespace spiderling;
using testing::touch_detail::require;

// A name's text stands for that name: encoded and read again it gives the same text.
void check_round_trip(const DnsName& name) {
  char text[max_dns_name_text];
  const std::string_view written(text, static_cast<std::size_t>(name.write(text) - text));
  std::uint8_t message[DnsMessage::header_size + 255] = {};
  const auto size = encode_dns_name(written, message + DnsMessage::header_size);
  require(size.has_value(), "the text of a name is a name");
  const auto again = DnsName::at(Bytes(message, DnsMessage::header_size + *size), DnsMessage::header_size);
  require(again.has_value(), "an encoded name can be read");
  char text_again[max_dns_name_text];
  require(std::string_view(text_again, static_cast<std::size_t>(again->write(text_again) - text_again)) ==
              written,
          "a name survives being written and read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = DnsMessage::at(Bytes(data, size));
  if (!message) return 0;
  testing::touch(*message);
  for (const DnsQuestion& question : message->questions()) check_round_trip(question.encoded_name());
  for (const DnsRecord& record : message->answers()) {
    check_round_trip(record.encoded_name());
    if (const auto target = record.target()) check_round_trip(*target);
  }
  return 0;
}
