#include "capture/live_stream.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace spiderling {
namespace {

constexpr std::chrono::milliseconds longest_drain{3 * PacketRing::block_timeout_ms};
constexpr std::chrono::milliseconds look_while_down{100};
constexpr std::size_t mac_addresses = 12;  // what the VLAN tag is behind
constexpr std::size_t tag_size = 4;
constexpr std::size_t address_offset =
    (sizeof(tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;

const sockaddr_ll& address_of(const tpacket3_hdr& packet) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(&packet);
  return *reinterpret_cast<const sockaddr_ll*>(start + address_offset);
}

bool has_ethernet_header(const sockaddr_ll& address) {
  return address.sll_hatype == ARPHRD_ETHER || address.sll_hatype == ARPHRD_LOOPBACK;
}

bool is_ip(const sockaddr_ll& address) {
  return address.sll_protocol == htons(ETH_P_IP) || address.sll_protocol == htons(ETH_P_IPV6);
}

}  // namespace

void LiveShared::stop() {
  stopped.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
}

FrameStream::Batch LiveStream::next(std::span<Frame> room, std::chrono::milliseconds wait) {
  const Clock::time_point deadline = Clock::now() + wait;
  while (!over_) {
    if (shared_->limit_reached.load(std::memory_order_relaxed)) break;
    if (in_block_ && packets_left_ == 0) {
      ring_->give_back();
      in_block_ = false;
    }
    if (!in_block_ && ring_->block_ready()) {
      in_block_ = true;
      packets_left_ = ring_->packets_in_block();
      packet_ = const_cast<tpacket3_hdr*>(ring_->first_packet());
    }
    if (in_block_) {
      if (room.empty()) return {StreamState::idle, 0};
      if (const std::size_t count = claim(take(room)); count > 0) return {StreamState::frames, count};
      continue;
    }
    if (shared_->stopped.load() && drained()) break;
    if (!draining_ && Clock::now() >= deadline) return {StreamState::idle, 0};
    wait_for_block(draining_ ? drained_by_ : deadline);
    if (!draining_ && !ring_->block_ready() && !shared_->stopped.load() && !over_)
      return {StreamState::idle, 0};
  }
  over_ = true;
  return {StreamState::ended, 0};
}

std::size_t LiveStream::take(std::span<Frame> room) {
  std::size_t count = 0;
  while (packets_left_ > 0 && count < room.size()) {
    tpacket3_hdr* packet = packet_;
    packet_ =
        reinterpret_cast<tpacket3_hdr*>(reinterpret_cast<std::uint8_t*>(packet) + packet->tp_next_offset);
    --packets_left_;
    __builtin_prefetch(packet_);
    if (convert(packet, room[count])) ++count;
  }
  return count;
}

// False for a packet that is not given.
bool LiveStream::convert(tpacket3_hdr* packet, Frame& frame) {
  const sockaddr_ll& address = address_of(*packet);
  // On loopback each packet passes twice: it is given as it comes in.
  if (address.sll_hatype == ARPHRD_LOOPBACK && address.sll_pkttype == PACKET_OUTGOING) return false;
  const bool ethernet = has_ethernet_header(address);
  if (!ethernet && !is_ip(address)) {
    unknown_link_.store(unknown_link() + 1, std::memory_order_relaxed);
    return false;
  }
  // Where there is no Ethernet header, what is before the network header (if anything) is nothing that we
  // know.
  const std::uint32_t before = ethernet ? 0u : static_cast<std::uint32_t>(packet->tp_net - packet->tp_mac);
  if (before > packet->tp_snaplen) return false;
  frame.data = reinterpret_cast<std::uint8_t*>(packet) + packet->tp_mac + before;
  frame.captured = packet->tp_snaplen - before;
  frame.wire_length = packet->tp_len - before;
  frame.time_ns = std::int64_t{packet->tp_sec} * 1'000'000'000 + packet->tp_nsec;
  frame.link_type = ethernet ? LinkType::ethernet : LinkType::raw_ip;
  const bool tagged =
      ethernet && (packet->tp_status & TP_STATUS_VLAN_VALID) != 0 && frame.captured >= mac_addresses;
  if (tagged) put_tag_back(*packet, frame);
  if ((tagged || shared_->filter_here) &&
      !shared_->filter.matches(frame.data, frame.captured, frame.wire_length, frame.link_type))
    return false;
  frame.captured = std::min(frame.captured, shared_->snap_length);
  frame.wire_length = std::max(frame.wire_length, frame.captured);
  return true;
}

// The ring has room before each packet: the addresses move down, the tag takes their end's place.
void LiveStream::put_tag_back(const tpacket3_hdr& packet, Frame& frame) const {
  auto* start = const_cast<std::uint8_t*>(frame.data) - tag_size;
  std::memmove(start, frame.data, mac_addresses);
  const bool typed = (packet.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  store_be16(start + mac_addresses, typed ? packet.hv1.tp_vlan_tpid : std::uint16_t{ETH_P_8021Q});
  store_be16(start + mac_addresses + 2, static_cast<std::uint16_t>(packet.hv1.tp_vlan_tci));
  frame.data = start;
  frame.captured += tag_size;
  frame.wire_length += tag_size;
}

// Of `count` frames, those within the limit.
std::size_t LiveStream::claim(std::size_t count) {
  if (shared_->limited && count > 0) {
    const std::int64_t left = shared_->left.fetch_sub(static_cast<std::int64_t>(count));
    if (left <= static_cast<std::int64_t>(count)) {
      shared_->limit_reached.store(true, std::memory_order_relaxed);
      shared_->stop();
    }
    count = std::min(count, static_cast<std::size_t>(std::max<std::int64_t>(left, 0)));
  }
  frames_.store(frames() + count, std::memory_order_relaxed);
  return count;
}

// After stop(): true when all that had been captured was given. The kernel hands the block that it fills on
// in time.
bool LiveStream::drained() {
  if (!draining_) {
    draining_ = true;
    drained_by_ = Clock::now() + longest_drain;
    ring_->pause();
  }
  if (ring_->block_ready()) return false;
  return !ring_->block_begun() || Clock::now() >= drained_by_;
}

void LiveStream::wait_for_block(Clock::time_point deadline) {
  if (was_down_) deadline = std::min(deadline, Clock::now() + look_while_down);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd sources[2] = {{ring_->descriptor(), POLLIN | POLLERR, 0}, {shared_->wake.get(), POLLIN, 0}};
  // While draining, the wake-up stays readable.
  const nfds_t count = draining_ ? 1 : 2;
  const int ready = ::poll(sources, count, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  if (ready > 0 && (sources[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) look_at_error();
  if (ready == 0 && was_down_) look_whether_gone();
}

void LiveStream::look_at_error() {
  int reason = 0;
  socklen_t size = sizeof reason;
  ::getsockopt(ring_->descriptor(), SOL_SOCKET, SO_ERROR, &reason, &size);
  if (look_whether_gone()) return;
  const LiveInterface& interface = shared_->interface;
  if (reason == ENETDOWN) {
    was_down_ = true;
    shared_->warnings.add(
        fmt::format("{}: the interface went down; waiting for it to come back", interface.name));
  } else if (reason != 0) {
    shared_->warnings.add(fmt::format("{}: {}; the capture ends", interface.name, std::strerror(reason)));
    over_ = true;
  }
}

// An interface that is deleted goes down first. The kernel reports that as an error; of its end, which may
// come at any time later, the socket hears nothing.
bool LiveStream::look_whether_gone() {
  const LiveInterface& interface = shared_->interface;
  if (ring_->interface_exists(interface.index)) return false;
  shared_->warnings.add(fmt::format("{}: the interface is gone; the capture ends", interface.name));
  over_ = true;
  return true;
}

}  // namespace spiderling
