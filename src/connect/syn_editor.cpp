#include "connect/syn_editor.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "connect/socket_address.h"
#include "connect/syn_options.h"

namespace spiderling {
namespace {

constexpr int queue = 65536;  // SYNs of thousands of connections come in one go
constexpr std::size_t largest_packet = 65536;
constexpr int send_room = 8 << 20;
constexpr int packets_at_once = 256;  // before another device has its turn

Result<FileDescriptor> raw_socket(int family) {
  FileDescriptor socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (!socket && errno == EPERM) return error("cannot send changed SYNs: CAP_NET_RAW is missing");
  if (!socket) return error("cannot open a raw socket: {}", std::strerror(errno));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &send_room, sizeof send_room);
  return socket;
}

IpAddress address_at(const std::uint8_t* packet, bool source) {
  if (packet[0] >> 4 == 4) return IpAddress::v4(packet + (source ? 12 : 16));
  return IpAddress::v6(packet + (source ? 8 : 24));
}

// A raw socket would look for its route without a source address, which rules of the host may ask for.
class FromAddress {
 public:
  explicit FromAddress(const IpAddress& source) {
    if (source.version == IpVersion::v4) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, source.bytes.data(), sizeof info.ipi_spec_dst);
      put(IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, source.bytes.data(), sizeof info.ipi6_addr);
      put(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  void attach_to(msghdr& message) {
    message.msg_control = room_.data();
    message.msg_controllen = size_;
  }

 private:
  template <class Info>
  void put(int level, int type, const Info& info) {
    static_assert(CMSG_SPACE(sizeof info) <= sizeof(room_));
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof info);
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(room_.data(), &header, sizeof header);
    std::memcpy(room_.data() + CMSG_LEN(0), &info, sizeof info);
    size_ = CMSG_SPACE(sizeof info);
  }

  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> room_{};
  std::size_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<SynEditor>> SynEditor::make() {
  std::unique_ptr<SynEditor> editor(new SynEditor);
  auto raw4 = raw_socket(AF_INET);
  if (!raw4) return tl::unexpected(raw4.error());
  editor->raw4_ = std::move(*raw4);
  // A kernel without IPv6 has no SYNs of it either.
  if (auto raw6 = raw_socket(AF_INET6)) editor->raw6_ = std::move(*raw6);
  editor->stop_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!editor->stop_) return error("cannot make an event: {}", std::strerror(errno));
  editor->room_.resize(largest_packet);
  return editor;
}

SynEditor::~SynEditor() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto told = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

Result<std::string> SynEditor::add(const SynOptions& kept) {
  auto device = open_tun_device("spidersyn%d");
  if (!device) return tl::unexpected(device.error());
  if (auto up = bring_up(*device, queue); !up) return tl::unexpected(up.error());
  sources_.push_back({std::move(*device), kept});
  return sources_.back().device.name;
}

void SynEditor::start() {
  thread_ = std::thread([this] { run(); });
}

void SynEditor::run() {
  std::vector<pollfd> waiting;
  for (const Source& source : sources_) waiting.push_back({source.device.descriptor.get(), POLLIN, 0});
  waiting.push_back({stop_.get(), POLLIN, 0});
  while (waiting.back().revents == 0) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if ((waiting[i].revents & POLLIN) != 0) take_from(sources_[i]);
      if ((waiting[i].revents & POLLERR) != 0) waiting[i].fd = -1;  // taken away by someone: no more comes
    }
  }
}

void SynEditor::take_from(const Source& source) {
  for (int i = 0; i < packets_at_once; ++i) {
    const ssize_t got = ::read(source.device.descriptor.get(), room_.data(), room_.size());
    if (got <= 0) return;
    const std::span packet(room_.data(), static_cast<std::size_t>(got));
    const auto size = keep_syn_options(packet, source.kept);
    if (size && !send(packet.first(*size))) lost_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool SynEditor::send(std::span<const std::uint8_t> packet) {
  const bool v4 = packet[0] >> 4 == 4;
  SocketAddress target(address_at(packet.data(), false), 0);
  FromAddress source(address_at(packet.data(), true));
  iovec bytes{const_cast<std::uint8_t*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(target.get());
  message.msg_namelen = target.size();
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  source.attach_to(message);
  return ::sendmsg(v4 ? raw4_.get() : raw6_.get(), &message, 0) >= 0;
}

}  // namespace spiderling
