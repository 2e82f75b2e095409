#include "connect/stream.h"

#include <algorithm>
#include <array>

namespace spiderling {

std::span<char> scratch() {
  static thread_local std::array<char, 64 << 10> room;
  return room;
}

boost::asio::awaitable<Outcome> send_all(Stream& stream, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const Transfer step = stream.write_some(bytes);
    bytes.remove_prefix(step.bytes);
    if (step.kind == Transfer::Kind::done) continue;
    if (step.is_over()) co_return step.why_over();
    if (Outcome ready = co_await stream.wait(step.kind, deadline); !ready.ok()) co_return ready;
  }
  co_return Outcome{};
}

boost::asio::awaitable<Received> receive_some(Stream& stream, std::size_t most, Deadline deadline) {
  for (;;) {
    const std::span<char> room = scratch().first(std::min(most, scratch().size()));
    const Transfer step = stream.read_some(room);
    if (step.kind == Transfer::Kind::done) co_return Received{std::string(room.data(), step.bytes), {}};
    if (step.kind == Transfer::Kind::end) co_return Received{};
    if (step.is_over()) co_return Received{{}, step.why_over()};
    if (Outcome ready = co_await stream.wait(step.kind, deadline); !ready.ok())
      co_return Received{{}, std::move(ready)};
  }
}

}  // namespace spiderling
