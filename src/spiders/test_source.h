// A source whose frames a test pushes. Only for tests.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "capture/source.h"
#include "flows/test_packets.h"

namespace spiderling::testing {

/// One live stream. What is pushed is given in order, with the time at which it was pushed.
class PushedSource final : public Source, private FrameStream {
 public:
  FrameStream& stream(std::size_t) override { return *this; }
  bool every_stream_sees_all() const override { return false; }
  bool live() const override { return true; }
  SourceCounters counters() const override {
    SourceCounters counters;
    counters.kernel_dropped = dropped_.load();
    return counters;
  }
  SourceProgress progress() const override { return {}; }
  std::vector<std::string> warnings() const override { return {}; }
  void stop() override { end(); }

  /// `shift` is added to the frame's time.
  void push(PacketBytes packet, std::chrono::nanoseconds shift = {}) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::system_clock::now().time_since_epoch() + shift;
    waiting_.push_back({std::move(packet), std::chrono::nanoseconds(now).count()});
    changed_.notify_all();
  }
  void drop(std::uint64_t packets) { dropped_ += packets; }
  /// As when the interface goes away, after what was pushed.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  /// Returns when the stream's reader is done with everything that was pushed, and was told twice since that
  /// nothing more is there.
  void wait_until_read() {
    std::unique_lock lock(mutex_);
    const std::uint64_t idle_before = idle_;
    changed_.wait(lock, [&] { return waiting_.empty() && idle_ >= idle_before + 2; });
  }

 private:
  struct Pushed {
    PacketBytes bytes;
    std::int64_t time_ns;
  };

  Batch next(std::span<Frame> room, std::chrono::milliseconds wait) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return ended_ || !waiting_.empty(); });
    given_.clear();
    while (!waiting_.empty() && given_.size() < room.size()) {
      given_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    for (std::size_t i = 0; i < given_.size(); ++i) {
      const auto size = static_cast<std::uint32_t>(given_[i].bytes.size());
      room[i] = {given_[i].bytes.data(), given_[i].time_ns, size, size, LinkType::raw_ip};
    }
    if (!given_.empty()) return {StreamState::frames, given_.size()};
    if (ended_) return {StreamState::ended, 0};
    ++idle_;
    changed_.notify_all();
    return {StreamState::idle, 0};
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pushed> waiting_;
  std::vector<Pushed> given_;
  std::uint64_t idle_ = 0;
  bool ended_ = false;
  std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace spiderling::testing
