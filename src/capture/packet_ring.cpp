#include "capture/packet_ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "capture/interfaces.h"

namespace spiderling {
namespace {

constexpr std::size_t largest_block = 1u << 20;
constexpr std::size_t smallest_block = 256u << 10;  // holds the largest segment
constexpr std::size_t fewest_blocks = 4;
constexpr unsigned frame_size = 2048;    // of no meaning for TPACKET_V3, but checked
constexpr int ignore_outgoing = 0x4000;  // PACKET_FANOUT_FLAG_IGNORE_OUTGOING, which older headers lack
constexpr unsigned tag_room = 4;         // before each packet, to put its VLAN tag back

template <class T>
bool set_option(int socket, int level, int option, const T& value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

ifreq request_for(const std::string& name) {
  ifreq request = {};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

tl::unexpected<Error> open_failed(const LiveInterface& interface, int reason) {
  if (reason == EPERM || reason == EACCES)
    return error(
        "no permission to capture on {}: run with sudo, or once: sudo setcap cap_net_raw,cap_net_admin+ep "
        "$(command -v spiderling)",
        interface.name);
  return error("cannot capture on {}: {}", interface.name, std::strerror(reason));
}

}  // namespace

Result<LiveInterface> LiveInterface::find(const std::string& name) {
  LiveInterface found;
  found.name = name == every_interface ? "all interfaces" : name;
  if (name == every_interface) return found;
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(name);
  if (name.empty() || name.size() >= IFNAMSIZ || ::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0)
    return error("there is no interface '{}'; there are: {}", name, interface_names());
  found.index = request.ifr_ifindex;
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return open_failed(found, errno);
  if ((request.ifr_flags & IFF_UP) == 0)
    return error("interface {} is down; bring it up with: ip link set {} up", name, name);
  if (::ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) return open_failed(found, errno);
  found.loopback = request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
  const bool ethernet = found.loopback || request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
  found.kind = ethernet ? LinkKind::ethernet : LinkKind::raw_ip;
  return found;
}

Result<std::unique_ptr<PacketRing>> PacketRing::create(const LiveInterface& interface, std::size_t bytes) {
  // Protocol 0: nothing comes in before bind().
  const int type = interface.kind == LinkKind::raw_ip ? SOCK_DGRAM : SOCK_RAW;
  FileDescriptor socket(::socket(AF_PACKET, type | SOCK_CLOEXEC, 0));
  if (!socket) return open_failed(interface, errno);
  std::unique_ptr<PacketRing> ring(new PacketRing(std::move(socket)));
  ring->pause();
  const int version = TPACKET_V3;
  if (!set_option(ring->descriptor(), SOL_PACKET, PACKET_VERSION, version) ||
      !set_option(ring->descriptor(), SOL_PACKET, PACKET_RESERVE, tag_room))
    return open_failed(interface, errno);
  if (const auto mapped = ring->map(bytes); !mapped) return tl::unexpected(mapped.error());
  return ring;
}

PacketRing::~PacketRing() {
  if (memory_ != nullptr) ::munmap(memory_, block_size_ * blocks_);
}

Result<void> PacketRing::map(std::size_t bytes) {
  while (!request(bytes)) {
    if (errno != ENOMEM || bytes <= fewest_blocks * smallest_block)
      return error("cannot make a capture ring of {} KiB: {}", bytes >> 10, std::strerror(errno));
    bytes /= 2;
  }
  void* memory = ::mmap(nullptr, block_size_ * blocks_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor(), 0);
  if (memory == MAP_FAILED) return error("cannot map the capture ring: {}", std::strerror(errno));
  memory_ = static_cast<std::uint8_t*>(memory);
  return {};
}

bool PacketRing::request(std::size_t bytes) {
  block_size_ = largest_block;
  while (block_size_ > smallest_block && block_size_ * 8 > bytes) block_size_ /= 2;
  blocks_ = std::clamp<std::size_t>(bytes / block_size_, fewest_blocks, (2u << 30) / block_size_);
  tpacket_req3 wanted = {};
  wanted.tp_block_size = static_cast<unsigned>(block_size_);
  wanted.tp_block_nr = static_cast<unsigned>(blocks_);
  wanted.tp_frame_size = frame_size;
  wanted.tp_frame_nr = static_cast<unsigned>(blocks_ * (block_size_ / frame_size));
  wanted.tp_retire_blk_tov = block_timeout_ms;
  return set_option(descriptor(), SOL_PACKET, PACKET_RX_RING, wanted);
}

Result<void> PacketRing::bind(const LiveInterface& interface) {
  if (interface.loopback) {  // as in join(), which has its own way
    const int yes = 1;
    set_option(descriptor(), SOL_PACKET, PACKET_IGNORE_OUTGOING, yes);
  }
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = interface.index;
  if (::bind(descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return open_failed(interface, errno);
  return {};
}

Result<void> PacketRing::join(const LiveInterface& interface, const std::vector<FilterInstruction>& program,
                              std::optional<int>& group) {
  const int type = PACKET_FANOUT_CBPF | (group ? 0 : PACKET_FANOUT_FLAG_UNIQUEID);
  const int id = group.value_or(0);
  // What goes out is seen as it comes in, too; older kernels cannot leave it out, then it is left out later.
  bool joined = interface.loopback &&
                set_option(descriptor(), SOL_PACKET, PACKET_FANOUT, id | (type | ignore_outgoing) << 16);
  joined = joined || set_option(descriptor(), SOL_PACKET, PACKET_FANOUT, id | type << 16);
  if (!joined) return open_failed(interface, errno);
  if (group) return {};
  int number = 0;
  socklen_t size = sizeof number;
  if (::getsockopt(descriptor(), SOL_PACKET, PACKET_FANOUT, &number, &size) != 0)
    return open_failed(interface, errno);
  group = number & 0xffff;
  sock_fprog code = {};
  code.len = static_cast<unsigned short>(program.size());
  code.filter = reinterpret_cast<sock_filter*>(const_cast<FilterInstruction*>(program.data()));
  if (!set_option(descriptor(), SOL_PACKET, PACKET_FANOUT_DATA, code)) return open_failed(interface, errno);
  return {};
}

Result<void> PacketRing::set_promiscuous(const LiveInterface& interface) {
  if (interface.index == 0) return {};  // of one interface only
  packet_mreq request = {};
  request.mr_ifindex = interface.index;
  request.mr_type = PACKET_MR_PROMISC;
  if (!set_option(descriptor(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, request))
    return error("cannot make {} promiscuous: {}", interface.name, std::strerror(errno));
  return {};
}

bool PacketRing::set_filter(const std::vector<FilterInstruction>& program) {
  sock_fprog code = {};
  code.len = static_cast<unsigned short>(program.size());
  code.filter = reinterpret_cast<sock_filter*>(const_cast<FilterInstruction*>(program.data()));
  return program.size() <= BPF_MAXINSNS && set_option(descriptor(), SOL_SOCKET, SO_ATTACH_FILTER, code);
}

void PacketRing::pause() { set_filter({FilterInstruction{BPF_RET | BPF_K, 0, 0, 0}}); }

tpacket_block_desc* PacketRing::block() const {
  return reinterpret_cast<tpacket_block_desc*>(memory_ + current_ * block_size_);
}

bool PacketRing::block_ready() const {
  return (__atomic_load_n(&block()->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

bool PacketRing::block_begun() const {
  return __atomic_load_n(&block()->hdr.bh1.num_pkts, __ATOMIC_RELAXED) != 0;
}

const tpacket3_hdr* PacketRing::first_packet() const {
  const auto* start = reinterpret_cast<const std::uint8_t*>(block());
  return reinterpret_cast<const tpacket3_hdr*>(start + block()->hdr.bh1.offset_to_first_pkt);
}

std::uint32_t PacketRing::packets_in_block() const { return block()->hdr.bh1.num_pkts; }

void PacketRing::give_back() {
  __atomic_store_n(&block()->hdr.bh1.block_status, std::uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
  current_ = (current_ + 1) % blocks_;
}

bool PacketRing::interface_exists(int index) const {
  ifreq request = {};
  request.ifr_ifindex = index;
  return index == 0 || ::ioctl(descriptor(), SIOCGIFNAME, &request) == 0;
}

std::uint64_t PacketRing::take_dropped() {
  tpacket_stats_v3 statistics = {};
  socklen_t size = sizeof statistics;
  if (::getsockopt(descriptor(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return 0;
  return statistics.tp_drops;
}

}  // namespace spiderling
