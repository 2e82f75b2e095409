#include "hub/eater_queue.h"

#include <algorithm>

namespace spiderling {

bool EaterQueue::mid_frame() const {
  const auto& block = log_->block(cursor_.block);
  return cursor_.byte != block.start_of(cursor_.frame);
}

std::string_view EaterQueue::rest_of_frame() const {
  const auto& block = log_->block(cursor_.block);
  if (cursor_.frame == block.frames.size()) return {};
  return {block.bytes.get() + cursor_.byte, block.frames[cursor_.frame].end - cursor_.byte};
}

void EaterQueue::finish_frame() {
  const auto& block = log_->block(cursor_.block);
  cursor_.byte = block.frames[cursor_.frame].end;
  ++cursor_.frame;
  ++sent_;
}

// Moves on to the next frame that is wanted, or to the end.
void EaterQueue::skip_unwanted() {
  if (mid_frame()) return;
  for (;;) {
    log_->normalize(cursor_);
    const auto& block = log_->block(cursor_.block);
    if (cursor_.frame == block.frames.size()) return;
    if (interests_->wants(block.frames[cursor_.frame].tags)) return;
    cursor_.byte = block.frames[cursor_.frame].end;
    ++cursor_.frame;
  }
}

std::size_t EaterQueue::gather(std::span<std::string_view> pieces, std::size_t max_bytes) {
  if (pieces.empty()) return 0;
  if (!interests_) {
    log_->normalize(cursor_);
    return gather_all(pieces, max_bytes);
  }
  skip_unwanted();
  return gather_wanted(pieces, max_bytes);
}

// Whole blocks: frames need not be looked at.
std::size_t EaterQueue::gather_all(std::span<std::string_view> pieces, std::size_t max_bytes) const {
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::uint32_t from = cursor_.byte;
  for (std::uint64_t number = cursor_.block; number <= log_->last_block(); ++number, from = 0) {
    const auto& block = log_->block(number);
    if (from == block.size) continue;
    pieces[count++] = {block.bytes.get() + from, block.size - from};
    bytes += block.size - from;
    if (count == pieces.size() || bytes >= max_bytes) break;
  }
  return count;
}

// Wanted frames that stand side by side make one piece.
std::size_t EaterQueue::gather_wanted(std::span<std::string_view> pieces, std::size_t max_bytes) const {
  std::size_t count = 0;
  std::size_t bytes = 0;
  FrameLog::Cursor at = cursor_;
  bool begun = mid_frame();  // what was begun is sent to its end
  for (std::uint64_t number = at.block; number <= log_->last_block(); ++number, at = {number, 0, 0}) {
    const auto& block = log_->block(number);
    const char* piece_end = nullptr;
    for (; at.frame < block.frames.size(); at.byte = block.frames[at.frame++].end) {
      const auto& frame = block.frames[at.frame];
      if (!begun && !interests_->wants(frame.tags)) continue;
      begun = false;
      const char* start = block.bytes.get() + at.byte;
      if (start == piece_end) {
        pieces[count - 1] = {pieces[count - 1].data(), pieces[count - 1].size() + frame.end - at.byte};
      } else if (count == pieces.size()) {
        return count;
      } else {
        pieces[count++] = {start, frame.end - at.byte};
      }
      piece_end = block.bytes.get() + frame.end;
      bytes += frame.end - at.byte;
      if (bytes >= max_bytes) return count;
    }
  }
  return count;
}

void EaterQueue::consume(std::size_t bytes) { interests_ ? consume_wanted(bytes) : consume_all(bytes); }

void EaterQueue::consume_all(std::size_t bytes) {
  while (bytes > 0) {
    log_->normalize(cursor_);
    const auto& block = log_->block(cursor_.block);
    const auto step = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, block.size - cursor_.byte));
    cursor_.byte += step;
    bytes -= step;
    // The frame of the next byte: the first that ends behind it.
    const auto from = block.frames.begin() + cursor_.frame;
    const auto next =
        std::upper_bound(from, block.frames.end(), cursor_.byte,
                         [](std::uint32_t byte, const FrameLog::Frame& frame) { return byte < frame.end; });
    sent_ += static_cast<std::uint64_t>(next - from);
    cursor_.frame += static_cast<std::uint32_t>(next - from);
  }
}

void EaterQueue::consume_wanted(std::size_t bytes) {
  while (bytes > 0) {
    skip_unwanted();
    const std::size_t rest = rest_of_frame().size();
    if (bytes < rest) {
      cursor_.byte += static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= rest;
    finish_frame();
  }
}

bool EaterQueue::exceeds(const EaterLimits& limits) const {
  return waiting() > limits.dumplings || waiting_bytes() > limits.bytes;
}

// The first frame behind the cursor from which on the log keeps to the limits.
FrameLog::Cursor EaterQueue::oldest_within(const EaterLimits& limits) const {
  FrameLog::Cursor at = cursor_;
  const auto too_long = [&](const FrameLog::Cursor& from) {
    return log_->frames_after(from) > limits.dumplings || log_->bytes_after(from) > limits.bytes;
  };
  while (at.block < log_->last_block() && too_long({at.block + 1, 0, 0})) at = {at.block + 1, 0, 0};
  const auto& block = log_->block(at.block);
  auto low = at.frame;
  auto high = static_cast<std::uint32_t>(block.frames.size());
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (too_long({at.block, middle, block.start_of(middle)})) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return {at.block, low, block.start_of(low)};
}

std::uint64_t EaterQueue::enforce(const EaterLimits& limits, std::string& carry) {
  if (!exceeds(limits)) return 0;
  if (mid_frame()) {
    carry += rest_of_frame();
    finish_frame();
  }
  const FrameLog::Cursor target = oldest_within(limits);
  std::uint64_t left_out = 0;
  if (!interests_) {
    left_out = log_->frames_after(cursor_) - log_->frames_after(target);
  } else {
    for (skip_unwanted();
         cursor_.block < target.block || (cursor_.block == target.block && cursor_.frame < target.frame);
         skip_unwanted()) {
      cursor_.byte = log_->block(cursor_.block).frames[cursor_.frame].end;
      ++cursor_.frame;
      ++left_out;
    }
  }
  if (!interests_) cursor_ = target;
  log_->normalize(cursor_);
  dropped_ += left_out;
  return left_out;
}

}  // namespace spiderling
