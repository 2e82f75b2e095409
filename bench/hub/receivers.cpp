#include "hub/receivers.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace hub_bench {

std::size_t Latencies::index(std::uint64_t ns) {
  if (ns < steps) return ns;
  const auto power = static_cast<unsigned>(std::bit_width(ns)) - 5;
  return std::min<std::size_t>((power + 1) * steps + ((ns >> power) & (steps - 1)), 64 * steps - 1);
}

std::uint64_t Latencies::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen <= wanted) continue;
    if (i < steps) return i;
    const std::size_t power = i / steps - 1;
    return ((steps + i % steps + 1) << power) - 1;
  }
  return 0;
}

Receivers::Receivers(const Protocol& protocol, std::vector<int> sockets)
    : protocol_(protocol), buffer_(1 << 18), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (const int one : sockets) receivers_.push_back({one, 0, {}});
  for (std::size_t i = 0; i < receivers_.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, receivers_[i].socket, &event);
  }
}

Receivers::~Receivers() {
  for (const Receiver& receiver : receivers_) close(receiver.socket);
  close(epoll_);
}

void Receivers::run() {
  std::array<epoll_event, 64> events;
  while (!stopped_ && !closed_) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 50);
    for (int i = 0; i < ready; ++i) {
      if (!receive(receivers_[events[static_cast<std::size_t>(i)].data.u64])) closed_ = true;
    }
    std::uint64_t fewest = ~std::uint64_t{0};
    for (const Receiver& receiver : receivers_) fewest = std::min(fewest, receiver.messages);
    fewest_.store(fewest, std::memory_order_relaxed);
  }
}

bool Receivers::receive(Receiver& receiver) {
  const std::size_t kept = receiver.rest.size();
  std::memcpy(buffer_.data(), receiver.rest.data(), kept);
  const ssize_t got = recv(receiver.socket, buffer_.data() + kept, buffer_.size() - kept, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  const std::uint64_t now = now_ns();
  std::string_view bytes(buffer_.data(), kept + static_cast<std::size_t>(got));
  const bool measuring = measuring_.load(std::memory_order_relaxed);
  std::uint64_t count = 0;
  for (;;) {
    std::string_view message;
    const std::size_t size = bytes.empty() ? 0 : protocol_.parse(bytes, message);
    if (size == 0) break;
    const std::string_view answer =
        message.empty() ? protocol_.answer(bytes.substr(0, size)) : std::string_view();
    if (!answer.empty()) send_all(receiver.socket, answer);
    bytes.remove_prefix(size);
    if (message.empty()) continue;
    ++count;
    if (measuring) latencies_.add(now - std::min(now, read_time(message.data())));
  }
  receiver.rest.assign(bytes);
  receiver.messages += count;
  messages_.fetch_add(count, std::memory_order_relaxed);
  return true;
}

}  // namespace hub_bench
