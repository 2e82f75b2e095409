#include "spiderling/dns_query.h"

#include <algorithm>

#include "spiderling/dns_builder.h"
#include "spiderling/headers/dns.h"

namespace spiderling {

namespace {

constexpr std::uint8_t opcode_query = 0;

// RFC 1035, section 4.1.1.
enum ResponseCode : std::uint8_t { formerr = 1, servfail = 2, notimp = 4, refused = 5 };

constexpr bool may_leave_out_question(std::uint8_t code) {
  return code == formerr || code == servfail || code == notimp || code == refused;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(const DnsName& a, const DnsName& b) {
  char room_a[max_dns_name_text], room_b[max_dns_name_text];
  const std::string_view text_a(room_a, a.write(room_a)), text_b(room_b, b.write(room_b));
  return std::ranges::equal(text_a, text_b, {}, lower, lower);
}

bool same_question(const DnsQuestion& a, const DnsQuestion& b) {
  return a.type() == b.type() && a.klass() == b.klass() && same_name(a.encoded_name(), b.encoded_name());
}

bool says_only_its_code(const DnsMessage& message) {
  return may_leave_out_question(message.rcode()) && message.answer_count() == 0 &&
         message.authority_count() == 0;
}

}  // namespace

std::optional<DnsQuery> DnsQuery::make(std::string_view domain, std::uint16_t id) {
  const bool root = domain.empty();
  DnsQuery query;
  DnsBuilder builder(query.storage_);
  const auto message = builder.header(id, dns_flag::recursion_desired)
                           .question(root ? "." : domain, root ? dns_type::ns : dns_type::a)
                           .finish();
  if (!message) return std::nullopt;
  query.size_ = message->size();
  return query;
}

std::uint16_t DnsQuery::id() const { return load_be16(storage_.data()); }

bool DnsQuery::is_answered_by(Bytes bytes) const {
  const auto message = DnsMessage::at(bytes);
  if (!message || !message->is_response() || message->opcode() != opcode_query || message->id() != id())
    return false;
  if (!message->well_formed()) return false;
  if (message->question_count() == 0) return says_only_its_code(*message);
  return message->question_count() == 1 &&
         same_question(message->questions().front(), DnsMessage::at(this->bytes())->questions().front());
}

}  // namespace spiderling
