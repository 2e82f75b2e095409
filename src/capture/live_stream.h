// One shard's ring as a stream.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "capture/live_filter.h"
#include "capture/packet_ring.h"
#include "capture/source.h"
#include "capture/trace_stream.h"

namespace spiderling {

/// What the streams of a live source have in common. The rest is constant while they run.
struct LiveShared {
  LiveInterface interface;
  LiveFilter filter;
  std::uint32_t snap_length = 0;
  bool filter_here = false;  ///< the kernel did not take it
  FileDescriptor wake;       ///< readable from stop() on
  std::atomic<bool> stopped = false;
  std::atomic<bool> limit_reached = false;
  std::atomic<std::int64_t> left = 0;  ///< frames until the limit, if there is one
  bool limited = false;
  WarningList warnings;

  void stop();
};

/// Gives the frames of one ring, in place. next() waits until the kernel hands a block on, at most 50 ms
/// after its first packet. After stop(), what the ring holds is still given.
class LiveStream final : public FrameStream {
 public:
  LiveStream(std::unique_ptr<PacketRing> ring, LiveShared& shared)
      : ring_(std::move(ring)), shared_(&shared) {}

  Batch next(std::span<Frame> room, std::chrono::milliseconds wait) override;

  // Any thread.
  PacketRing& ring() { return *ring_; }
  std::uint64_t frames() const { return frames_.load(std::memory_order_relaxed); }
  std::uint64_t unknown_link() const { return unknown_link_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  std::size_t take(std::span<Frame> room);
  bool convert(tpacket3_hdr* packet, Frame& frame);
  void put_tag_back(const tpacket3_hdr& packet, Frame& frame) const;
  std::size_t claim(std::size_t count);
  bool drained();
  void wait_for_block(Clock::time_point deadline);
  void look_at_error();
  bool look_whether_gone();

  std::unique_ptr<PacketRing> ring_;
  LiveShared* shared_;
  tpacket3_hdr* packet_ = nullptr;  // the next one of the block, if packets_left_
  std::uint32_t packets_left_ = 0;
  bool in_block_ = false;
  bool over_ = false;
  bool draining_ = false;
  bool was_down_ = false;  // the interface, at least once
  Clock::time_point drained_by_;
  std::atomic<std::uint64_t> frames_ = 0;
  std::atomic<std::uint64_t> unknown_link_ = 0;
};

}  // namespace spiderling
