// The forwarder's device and loop.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/tun_device.h"
#include "lab/forwarder.h"

namespace spiderling::lab {
namespace {

constexpr std::size_t largest_packet = 65536;
constexpr int packets_at_once = 256;  // before what is due is looked at again

timespec until(BoxForwarder::Time due) {
  const auto left = std::max(due - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {seconds.count(), (left - seconds).count()};
}

bool try_again(int problem) { return problem == EAGAIN || problem == EINTR; }

}  // namespace

Result<FileDescriptor> open_tun(const std::string& name) {
  auto device = open_tun_device(name);
  if (!device) return tl::unexpected(device.error());
  return std::move(device->descriptor);
}

Error run_forwarder(const FileDescriptor& tun, const Scenario& scenario, const AddressPlan& plan) {
  BoxForwarder boxes(scenario, plan);
  const BoxForwarder::Send send = [&](Bytes packet) {
    // A full queue of the device loses the packet, as any router's would.
    [[maybe_unused]] const auto sent = ::write(tun.get(), packet.data(), packet.size());
  };
  std::vector<std::uint8_t> buffer(largest_packet);
  while (true) {
    pollfd readable{tun.get(), POLLIN, 0};
    const auto due = boxes.next_due();
    const timespec wait = due ? until(*due) : timespec{};
    if (::ppoll(&readable, 1, due ? &wait : nullptr, nullptr) < 0 && errno != EINTR)
      return {std::strerror(errno)};
    boxes.send_due(std::chrono::steady_clock::now(), send);
    for (int i = 0; i < packets_at_once; ++i) {
      const ssize_t size = ::read(tun.get(), buffer.data(), buffer.size());
      if (size < 0 && !try_again(errno)) return {std::strerror(errno)};
      if (size <= 0) break;
      boxes.take({buffer.data(), static_cast<std::size_t>(size)}, std::chrono::steady_clock::now(), send);
    }
  }
}

}  // namespace spiderling::lab
