// Sends the frames of a trace on an interface, again and again: as fast as it can, or at a given rate.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <CLI/CLI.hpp>

namespace {

using Clock = std::chrono::steady_clock;
using FrameBytes = std::vector<std::uint8_t>;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// The first `limit` frames that a socket takes: the kernel refuses what is shorter than an Ethernet header.
std::vector<FrameBytes> load_frames(const std::string& path, std::size_t limit) {
  char reason[PCAP_ERRBUF_SIZE] = {};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(path.c_str(), reason),
                                                            &pcap_close);
  if (!file) throw std::runtime_error(reason);
  std::vector<FrameBytes> frames;
  pcap_pkthdr* header = nullptr;
  const std::uint8_t* data = nullptr;
  while (frames.size() < limit && pcap_next_ex(file.get(), &header, &data) == 1) {
    if (header->caplen > ETH_HLEN) frames.emplace_back(data, data + header->caplen);
  }
  if (frames.empty()) throw std::runtime_error("no frame in " + path);
  return frames;
}

class Socket {
 public:
  explicit Socket(const std::string& interface) : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) fail("socket");
    const int on = 1;
    if (setsockopt(fd_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) fail("PACKET_QDISC_BYPASS");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (address.sll_ifindex == 0) fail(interface);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// How many the kernel took; the rest may be offered again.
  std::size_t send(std::span<mmsghdr> messages) {
    const int taken = sendmmsg(fd_, messages.data(), static_cast<unsigned>(messages.size()), 0);
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR) return 0;
    fail("sendmmsg");
  }

 private:
  int fd_;
};

struct Plan {
  std::uint64_t rate = 0;  ///< packets/s; 0: as fast as it goes
  double seconds = 5;
};

std::uint64_t send_all(Socket& socket, std::vector<FrameBytes>& frames, const Plan& plan) {
  constexpr std::size_t batch = 32;
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> pieces{};
  std::uint64_t sent = 0;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(plan.seconds));
  while (Clock::now() < end) {
    for (std::size_t i = 0; i < batch; ++i) {
      FrameBytes& frame = frames[(sent + i) % frames.size()];
      pieces[i] = {frame.data(), frame.size()};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    sent += socket.send(messages);
    if (plan.rate == 0) continue;
    const std::chrono::duration<double> due(static_cast<double>(sent) / static_cast<double>(plan.rate));
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(due));
  }
  return sent;
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  std::string interface;
  std::string trace;
  std::size_t limit = 200'000;
  CLI::App app{"Sends the frames of a trace on an interface."};
  app.add_option("--interface", interface)->required();
  app.add_option("--trace", trace, "A pcap file of Ethernet frames")->required();
  app.add_option("--frames", limit, "Use so many of its frames")->capture_default_str();
  app.add_option("--rate", plan.rate, "Packets/s; 0: as fast as it goes")->capture_default_str();
  app.add_option("--seconds", plan.seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    std::vector<FrameBytes> frames = load_frames(trace, limit);
    Socket socket(interface);
    fmt::print("{} offered\n", send_all(socket, frames, plan));
  } catch (const std::exception& failure) {
    fmt::print(stderr, "veth_sender: {}\n", failure.what());
    return 2;
  }
  return 0;
}
