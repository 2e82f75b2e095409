// Where the parsers of trace formats put the frames that they find.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "capture/filter.h"
#include "capture/frame.h"

namespace spiderling {

/// Filter, snap length and limit of one stream, applied to frames on their way into a batch. One thread.
class FrameSink {
 public:
  /// Most bytes of one packet that a trace may claim: libpcap's limit for a live capture, and as much again
  /// for large segments. What claims more is damaged.
  static constexpr std::uint32_t largest_packet = 512u << 10;

  /// `limit`: frames to take in all; 0: no limit.
  FrameSink(std::uint32_t snap_length, std::uint64_t limit)
      : snap_length_(snap_length), left_(limit == 0 ? ~std::uint64_t{0} : limit) {}

  /// Begins a batch.
  void start(std::span<Frame> room) {
    first_ = next_ = room.data();
    end_ = first_ + std::min<std::uint64_t>(room.size(), left_);
  }
  bool full() const { return next_ == end_; }
  /// True once the limit is reached; between batches.
  bool done() const { return left_ == 0; }
  /// Frames in this batch.
  std::size_t count() const { return static_cast<std::size_t>(next_ - first_); }
  /// Ends a batch: its frames are counted off.
  std::size_t finish() {
    const std::size_t count = this->count();
    left_ -= count;
    frames_ += count;
    first_ = next_ = end_ = nullptr;
    return count;
  }

  /// Takes a frame that is whole. Not when full().
  void add(const std::uint8_t* data, std::uint32_t captured, std::uint32_t wire_length, std::int64_t time_ns,
           LinkType link_type, const FilterProgram* filter) {
    if (filter != nullptr && !filter->matches(data, captured, wire_length)) {
      ++filtered_;
      return;
    }
    *next_++ = {data, time_ns, std::min(captured, snap_length_), std::max(wire_length, captured), link_type};
  }
  void add_malformed() { ++malformed_; }
  void add_unknown_link() { ++unknown_link_; }

  // Over all batches.
  std::uint64_t frames() const { return frames_; }
  std::uint64_t filtered() const { return filtered_; }
  std::uint64_t malformed() const { return malformed_; }
  std::uint64_t unknown_link() const { return unknown_link_; }

 private:
  Frame* first_ = nullptr;
  Frame* next_ = nullptr;
  Frame* end_ = nullptr;
  std::uint32_t snap_length_;
  std::uint64_t left_;
  std::uint64_t frames_ = 0;
  std::uint64_t filtered_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t unknown_link_ = 0;
};

/// What a parser did with the bytes that it was given.
struct ParseStep {
  std::size_t used = 0;  ///< bytes from the front that are done with
  std::size_t wanted =
      0;  ///< behind `used`, the next record takes so many, more than were there; 0: the sink is full
  std::uint64_t skip = 0;        ///< behind `used`, so many are of no interest (may be more than were there)
  const char* damage = nullptr;  ///< set: the bytes make no sense any more, nothing can be read behind them
};

}  // namespace spiderling
