// One AF_PACKET socket with its ring of blocks (TPACKET_V3).
#pragma once

#include <linux/if_packet.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/file_descriptor.h"
#include "capture/filter.h"
#include "capture/live_filter.h"

namespace spiderling {

/// The interface that a ring is bound to.
struct LiveInterface {
  std::string name;
  int index = 0;  ///< 0: all
  bool loopback = false;
  LinkKind kind = LinkKind::mixed;

  /// A line for a person if it does not exist (names those that do) or is down.
  static Result<LiveInterface> find(const std::string& name);
};

/// The kernel fills blocks, we read them and give them back; no system call a packet. One thread reads;
/// dropped() may be called from any.
class PacketRing {
 public:
  /// After so long the kernel hands on a block that is not full.
  static constexpr std::uint32_t block_timeout_ms = 50;

  /// A socket that gets nothing yet. `bytes` of ring, fewer if there is no memory for them.
  static Result<std::unique_ptr<PacketRing>> create(const LiveInterface& interface, std::size_t bytes);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  // In this order: so that nothing is captured twice, nor before all is in place.
  Result<void> bind(const LiveInterface& interface);
  /// `group`: without a value, makes one and sets it to its number (which may be 0).
  Result<void> join(const LiveInterface& interface, const std::vector<FilterInstruction>& program,
                    std::optional<int>& group);
  Result<void> set_promiscuous(const LiveInterface& interface);
  /// False if the kernel does not take the program (too long, say).
  bool set_filter(const std::vector<FilterInstruction>& program);
  /// Takes in no more packets.
  void pause();

  /// The packets that wait. A packet is valid until give_back().
  bool block_ready() const;
  /// True if the block that the kernel fills has a packet in it already.
  bool block_begun() const;
  const tpacket3_hdr* first_packet() const;
  std::uint32_t packets_in_block() const;
  void give_back();

  int descriptor() const { return socket_.get(); }
  /// True if the interface is still there.
  bool interface_exists(int index) const;
  /// Packets lost since the last call because the ring was full.
  std::uint64_t take_dropped();

 private:
  explicit PacketRing(FileDescriptor socket) : socket_(std::move(socket)) {}
  Result<void> map(std::size_t bytes);
  bool request(std::size_t bytes);
  tpacket_block_desc* block() const;

  FileDescriptor socket_;
  std::uint8_t* memory_ = nullptr;
  std::size_t block_size_ = 0;
  std::size_t blocks_ = 0;
  std::size_t current_ = 0;
};

}  // namespace spiderling
