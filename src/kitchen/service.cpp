#include "kitchen/service.h"

#include <algorithm>
#include <array>
#include <thread>

namespace spiderling {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t batch_frames = 256;
constexpr std::chrono::milliseconds longest_wait = 50ms;  // between two looks at go_on()

class Service {
 public:
  Service(FrameStream& stream, Kitchen& kitchen, const ServiceOptions& options,
          const std::function<bool()>& go_on)
      : stream_(stream), kitchen_(kitchen), options_(options), go_on_(go_on) {}

  void run() {
    kitchen_.start();
    const auto began = Clock::now();
    while (go_on_() && kitchen_.wanted()) {
      if (options_.live && options_.duration && Clock::now() - began >= *options_.duration) break;
      const auto batch = stream_.next(room_, wait());
      if (batch.state == StreamState::ended) break;
      std::span<const Frame> frames = std::span(room_).first(batch.count);
      const bool over = cut_to_duration(frames);
      if (!options_.live && options_.pace == Pace::original)
        process_in_time(frames);
      else
        kitchen_.process(frames);
      if (options_.live || batch.state == StreamState::idle) {
        kitchen_.pass_time();
        kitchen_.flush();
      }
      if (over) break;
    }
    kitchen_.finish();
  }

 private:
  std::chrono::milliseconds wait() const {
    if (!options_.live) return longest_wait;
    return std::min(longest_wait, std::chrono::ceil<std::chrono::milliseconds>(kitchen_.until_next_poke()));
  }

  // True: these frames are the last of the trace that are wanted.
  bool cut_to_duration(std::span<const Frame>& frames) {
    if (options_.live || !options_.duration || frames.empty()) return false;
    if (!first_ns_) first_ns_ = frames.front().time_ns;
    const auto late = std::ranges::find_if(frames, [&](const Frame& frame) {
      return frame.time_ns > *first_ns_ && frame.time_ns - *first_ns_ >= options_.duration->count();
    });
    const bool over = late != frames.end();
    frames = frames.first(static_cast<std::size_t>(late - frames.begin()));
    return over;
  }

  // Frames that are due go at once, for the others the thread waits; time that runs backwards does not wait.
  void process_in_time(std::span<const Frame> frames) {
    while (!frames.empty() && go_on_() && kitchen_.wanted()) {
      if (!paced_from_) paced_from_ = {Clock::now(), frames.front().time_ns};
      const std::int64_t now = trace_now();
      const auto early =
          std::ranges::find_if(frames, [&](const Frame& frame) { return frame.time_ns > now; });
      const auto due = static_cast<std::size_t>(early - frames.begin());
      kitchen_.process(frames.first(due));
      kitchen_.pass_time(Timestamp(std::chrono::nanoseconds(now)));
      kitchen_.flush();
      frames = frames.subspan(due);
      if (!frames.empty()) sleep_at_most(frames.front().time_ns - now);
    }
  }

  std::int64_t trace_now() const {
    return paced_from_->trace_ns + std::chrono::nanoseconds(Clock::now() - paced_from_->clock).count();
  }

  static void sleep_at_most(std::int64_t ns_from_now) {
    std::this_thread::sleep_for(
        std::min<std::chrono::nanoseconds>(std::chrono::nanoseconds(ns_from_now), 20ms));
  }

  struct PacedFrom {
    Clock::time_point clock;
    std::int64_t trace_ns;
  };

  FrameStream& stream_;
  Kitchen& kitchen_;
  const ServiceOptions& options_;
  const std::function<bool()>& go_on_;
  std::array<Frame, batch_frames> room_;
  std::optional<std::int64_t> first_ns_;
  std::optional<PacedFrom> paced_from_;
};

}  // namespace

void run_service(FrameStream& stream, Kitchen& kitchen, const ServiceOptions& options,
                 const std::function<bool()>& go_on) {
  Service(stream, kitchen, options, go_on).run();
}

}  // namespace spiderling
