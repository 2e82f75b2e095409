// Whatever a server answers in HTTP/2. The first byte says in which pieces it comes, and whether it was asked
// for by an upgrade; taken in one piece, or in another way, it must mean the same, and nothing is read or
// written beyond the limits.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "connect/http2_answer.h"

using namespace spiderling;

namespace {

constexpr HttpLimits limits{.head_bytes = 2048, .body_bytes = 2048};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "connect_http2_answer_fuzz: %s\n", what);
  std::abort();
}

void begin(Http2Answer& answer, bool by_upgrade) {
  if (by_upgrade) {
    answer.ask_by_upgrade();
  } else {
    answer.ask({"www.example.org", false, "spiderling"});
  }
  if (answer.take_output().empty()) fail("it asks nothing");
}

// How many bytes it wanted.
std::size_t feed(Http2Answer& answer, std::string_view bytes, std::size_t piece) {
  std::size_t fed = 0;
  while (fed < bytes.size() && answer.state() == Http2Answer::State::more) {
    const std::string_view part = bytes.substr(fed, piece);
    if (answer.feed(part) != answer.state()) fail("it does not know its own state");
    if (answer.take_output().size() > 100 + 4 * part.size()) fail("it answers more than it is asked");
    fed += part.size();
  }
  return fed;
}

void check(const Http2Answer& answer) {
  if (answer.status() != 0 && (answer.status() < 200 || answer.status() > 999))
    fail("no final status has such a number");
  if (answer.state() == Http2Answer::State::failed && answer.problem().empty())
    fail("it failed without a problem");
  if (answer.state() == Http2Answer::State::done && answer.status() == 0) fail("done without a status");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool by_upgrade = (data[0] & 0x80) != 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Http2Answer in_pieces(limits), at_once(limits);
  begin(in_pieces, by_upgrade);
  begin(at_once, by_upgrade);
  const std::size_t fed = feed(in_pieces, bytes, piece);
  feed(at_once, bytes, std::max<std::size_t>(bytes.size(), 1));
  check(in_pieces);
  check(at_once);
  if (fed > limits.head_bytes + limits.body_bytes + piece) fail("it reads beyond its limits");
  in_pieces.end();
  at_once.end();
  check(in_pieces);
  check(at_once);
  if (in_pieces.state() == Http2Answer::State::more) fail("it wants more after the end");
  return 0;
}
