// Blocks of output between the shards and the one thread that writes.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bounded_queue.h"

namespace spiderling::app {

/// A piece of what a run gives, filled by one thread, written by another: records in a fixed piece of memory,
/// and, where they are kept, frames as they stand in a trace file.
class OutputBlock {
 public:
  static constexpr std::size_t capacity = 256u << 10;

  OutputBlock() : memory_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  std::vector<std::uint8_t> kept_frames;
  bool last = false;  ///< its shard will give no more

  bool empty() const { return size_ == 0 && kept_frames.empty(); }
  std::size_t room() const { return capacity_ - size_; }
  char* end() { return memory_.get() + size_; }
  void set_end(const char* new_end) { size_ = static_cast<std::size_t>(new_end - memory_.get()); }
  /// Of any size: a larger piece of memory is taken for what does not fit, until clear().
  void append(std::string_view text) {
    if (text.size() > room()) {
      auto larger = std::make_unique_for_overwrite<char[]>(size_ + text.size());
      std::memcpy(larger.get(), memory_.get(), size_);
      memory_ = std::move(larger);
      capacity_ = size_ + text.size();
    }
    std::memcpy(end(), text.data(), text.size());
    size_ += text.size();
  }
  void clear() {
    if (capacity_ != capacity) *this = OutputBlock();
    size_ = 0;
    kept_frames.clear();
    last = false;
  }
  std::string_view text() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = capacity;
  std::size_t size_ = 0;
};

/// Full blocks one way (a shard waits while the writer is behind), empty ones back.
class BlockExchange {
 public:
  explicit BlockExchange(std::size_t shards) : full_(shards * 8), spare_(shards * 8 + 8) {}

  OutputBlock take_spare() {
    auto spare = spare_.try_pop();
    return spare ? std::move(*spare) : OutputBlock();
  }
  void give_back(OutputBlock block) {
    block.clear();
    spare_.try_push(std::move(block));
  }
  /// False once closed.
  bool hand_over(OutputBlock block) { return full_.push(std::move(block)); }
  std::optional<OutputBlock> next_full(std::chrono::milliseconds wait) { return full_.pop_for(wait); }
  bool finished() const { return full_.finished(); }
  void close() { full_.close(); }

 private:
  BoundedQueue<OutputBlock> full_;
  BoundedQueue<OutputBlock> spare_;
};

}  // namespace spiderling::app
