// Whatever a web server answers. The first byte says in which pieces it comes; taken in one piece, or in
// another way, it must mean the same, and nothing is read beyond the limits.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "connect/http_answer.h"

using namespace spiderling;

namespace {

constexpr HttpLimits limits{.head_bytes = 1024, .body_bytes = 1024};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "connect_http_head_fuzz: %s\n", what);
  std::abort();
}

// How many bytes it wanted.
std::size_t feed(HttpAnswer& answer, std::string_view bytes, std::size_t piece) {
  std::size_t fed = 0;
  while (fed < bytes.size() && answer.state() == HttpAnswer::State::more) {
    const std::string_view part = bytes.substr(fed, piece);
    if (answer.feed(part) != answer.state()) fail("it does not know its own state");
    fed += part.size();
  }
  return fed;
}

void check(const HttpAnswer& answer) {
  if (answer.status() != 0 && (answer.status() < 100 || answer.status() > 999))
    fail("no status has such a number");
  if (answer.state() == HttpAnswer::State::failed && (answer.problem().empty() || answer.status() != 0))
    fail("it failed without a problem, or with a status");
  if (answer.state() == HttpAnswer::State::done && answer.status() == 0) fail("done without a status");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  HttpAnswer slowly(limits), one_by_one(limits);
  const std::size_t fed = feed(slowly, bytes, piece);
  feed(one_by_one, bytes, 1);
  check(slowly);
  check(one_by_one);
  if (fed > limits.head_bytes + limits.body_bytes + 2 * piece) fail("it reads beyond its limits");
  slowly.end();
  one_by_one.end();
  check(slowly);
  check(one_by_one);
  if (slowly.state() == HttpAnswer::State::more) fail("it wants more after the end");
  // Where a limit is passed may depend on the pieces, by a piece; nothing else may.
  if (bytes.size() < limits.head_bytes &&
      (slowly.state() != one_by_one.state() || slowly.status() != one_by_one.status()))
    fail("the pieces change the meaning");
  return 0;
}
