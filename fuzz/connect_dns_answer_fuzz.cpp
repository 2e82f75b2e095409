// Whatever comes back when a question of DNS was asked, over TCP and over UDP. The first byte says in which
// pieces it comes over TCP: that must not matter, and nothing is read behind the answer. What counts as an
// answer is a whole response to this very question.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/boost_asio.h"
#include "connect/dns_exchange.h"
#include "spiderling/headers/dns.h"

using namespace spiderling;

namespace {

constexpr std::uint16_t id = 0x1234;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "connect_dns_answer_fuzz: %s\n", what);
  std::abort();
}

/// A peer that has said this much, and then hangs up.
class Said final : public Stream {
 public:
  Said(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}

  Transfer read_some(std::span<char> room) override {
    if (waits_ = !waits_; waits_) return {Transfer::Kind::needs_read, 0, {}};
    const std::size_t size = std::min({room.size(), piece_, bytes_.size()});
    if (size == 0) return {Transfer::Kind::end, 0, {}};
    std::copy_n(bytes_.begin(), size, room.begin());
    bytes_.remove_prefix(size);
    return {Transfer::Kind::done, size, {}};
  }
  Transfer write_some(std::string_view bytes) override { return {Transfer::Kind::done, bytes.size(), {}}; }
  boost::asio::awaitable<Outcome> wait(Transfer::Kind, Deadline) override { co_return Outcome{}; }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  const std::size_t piece_;
  bool waits_ = false;
};

struct Heard {
  DnsExchange exchange;
  std::size_t left;
};
Heard hear(const DnsQuery& query, std::string_view bytes, std::size_t piece) {
  boost::asio::io_context io(1);
  Said peer(bytes, piece);
  std::optional<DnsExchange> exchange;
  boost::asio::co_spawn(io, ask_dns(peer, query, Deadline::max()),
                        [&](std::exception_ptr failure, DnsExchange ended) {
                          if (failure) fail("it throws");
                          exchange = std::move(ended);
                        });
  io.run();
  if (!exchange) fail("it never ends");
  return {std::move(*exchange), peer.left()};
}

void check_message(const DnsQuery& query, Bytes message) {
  if (!query.is_answered_by(message)) return;
  const auto dns = DnsMessage::at(message);
  if (!dns || !dns->is_response() || dns->id() != id || !dns->well_formed()) fail("that is no answer");
  if (dns->question_count() > 1) fail("nobody asked so much");
  if (dns->question_count() == 1 && dns->questions().front().type() != dns_type::a) fail("another question");
  if (DnsQuery::make("www.example.org", id + 1)->is_answered_by(message)) fail("it answers two questions");
}

void check_stream(const DnsQuery& query, std::string_view bytes, std::size_t piece) {
  const Heard slowly = hear(query, bytes, piece), at_once = hear(query, bytes, bytes.size() + 1);
  if (slowly.exchange.outcome.state != at_once.exchange.outcome.state || slowly.left != at_once.left ||
      slowly.exchange.response_code != at_once.exchange.response_code)
    fail("the pieces change the meaning");
  if (slowly.exchange.outcome.ok() != slowly.exchange.response_code.has_value())
    fail("an answer without a code, or a code without an answer");
  if (slowly.exchange.outcome.ok() == slowly.exchange.outcome.reason.empty()) return;
  fail("a failure without a reason");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const Bytes bytes(data + 1, size - 1);
  static const DnsQuery query = *DnsQuery::make("www.example.org", id);
  check_message(query, bytes);
  check_stream(query, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, piece);
  return 0;
}
