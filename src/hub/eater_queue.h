// What one eater still has to get.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/eater_limits.h"
#include "hub/frame_log.h"
#include "hub/interests.h"

namespace spiderling {

/// A cursor into the hub's log, and the eater's choice of dumplings. The queue's length is counted in the
/// log: dumplings that the eater did not ask for take part in it as long as they stand between ones that it
/// did.
///
/// One thread. The log outlives the queue.
class EaterQueue {
 public:
  /// Starts at the end of the log: an eater gets what comes after its hello.
  EaterQueue(const FrameLog& log, std::optional<Interests> interests)
      : log_(&log), interests_(std::move(interests)), cursor_(log.end()) {}

  /// The next bytes to write, in order, in at most pieces.size() pieces of together at most about max_bytes
  /// (always at least one frame's rest). Returns how many pieces; 0: nothing is waiting. They are good until
  /// the log lets go of their block, so until release_before() or the next append().
  std::size_t gather(std::span<std::string_view> pieces, std::size_t max_bytes);
  /// So many of the gathered bytes were written.
  void consume(std::size_t bytes);

  /// True between the first and the last byte of a frame: nothing else may be sent there.
  bool mid_frame() const;
  /// The rest of the frame that is being sent.
  std::string_view rest_of_frame() const;

  /// If the queue is longer than the limits: leaves out the oldest dumplings, whole ones, until it is not.
  /// The rest of a frame that is being sent must go out all the same: it is appended to `carry`. Returns how
  /// many were left out.
  std::uint64_t enforce(const EaterLimits& limits, std::string& carry);
  bool exceeds(const EaterLimits& limits) const;

  std::uint64_t waiting() const { return log_->frames_after(cursor_); }
  std::uint64_t waiting_bytes() const { return log_->bytes_after(cursor_); }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t dropped() const { return dropped_; }
  /// The log must hold this block and all behind it.
  std::uint64_t oldest_block() const { return cursor_.block; }

 private:
  void skip_unwanted();
  void finish_frame();
  std::size_t gather_all(std::span<std::string_view> pieces, std::size_t max_bytes) const;
  std::size_t gather_wanted(std::span<std::string_view> pieces, std::size_t max_bytes) const;
  void consume_all(std::size_t bytes);
  void consume_wanted(std::size_t bytes);
  FrameLog::Cursor oldest_within(const EaterLimits& limits) const;

  const FrameLog* log_;
  std::optional<Interests> interests_;  // none: everything
  FrameLog::Cursor cursor_;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace spiderling
