#include "kitchen/service.h"

#include <gmock/gmock.h>

#include "kitchen/test_frames.h"

namespace spiderling {
namespace {

using testing::FrameList;
using testing::KeptDumplings;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class EchoChef : public Chef {
 public:
  Payload packet_handler(const Packet& packet) override { return packet.time_seconds(); }
};

/// Gives its frames a few at a time, then is idle for as long as asked, then ends.
class FakeStream final : public FrameStream {
 public:
  FakeStream(std::span<const Frame> frames, int idle_rounds) : left_(frames), idle_rounds_(idle_rounds) {}
  Batch next(std::span<Frame> room, std::chrono::milliseconds) override {
    if (left_.empty()) return {idle_rounds_-- > 0 ? StreamState::idle : StreamState::ended, 0};
    const std::size_t count = std::min({left_.size(), room.size(), std::size_t{3}});
    std::ranges::copy(left_.first(count), room.begin());
    left_ = left_.subspan(count);
    return {StreamState::frames, count};
  }

 private:
  std::span<const Frame> left_;
  int idle_rounds_;
};

FrameList frames_at(std::initializer_list<double> times) {
  FrameList list;
  for (const double time : times) list.add(Bytes(), time);
  return list;
}

KeptDumplings serve(const FrameList& frames, const ServiceOptions& options, int rounds = INT32_MAX) {
  KeptDumplings kept;
  KitchenOptions kitchen_options;
  if (!options.live) kitchen_options.time = KitchenOptions::Time::of_packets;
  Kitchen kitchen(kitchen_options, kept);
  EXPECT_TRUE(kitchen.take_on(describe_chef<EchoChef>("EchoChef")));
  FakeStream stream(frames.frames(), 1);
  run_service(stream, kitchen, options, [&] { return rounds-- > 0; });
  return kept;
}

TEST(Service, RunsToTheEndOfATrace) { EXPECT_EQ(serve(frames_at({1, 2, 3, 4, 5, 6, 7}), {}).all.size(), 7u); }

TEST(Service, DurationIsOfTheTracesOwnTime) {
  ServiceOptions options;
  options.duration = 3s;
  EXPECT_EQ(serve(frames_at({10, 11, 12, 13, 14, 15}), options).all.size(), 3u);
}

TEST(Service, EndsWhenItIsTold) { EXPECT_EQ(serve(frames_at({1, 2, 3, 4, 5, 6, 7}), {}, 1).all.size(), 3u); }

TEST(Service, OriginalPaceTakesTheTracesTime) {
  ServiceOptions options;
  options.pace = Pace::original;
  const auto began = Clock::now();
  EXPECT_EQ(serve(frames_at({10, 10.05, 10.1, 10.05, 10.2}), options).all.size(), 5u);
  EXPECT_GE(Clock::now() - began, 190ms);
}

TEST(Service, LiveDurationIsOfTheClock) {
  ServiceOptions options;
  options.live = true;
  options.duration = 20ms;
  KeptDumplings kept;
  Kitchen kitchen({}, kept);
  FakeStream stream({}, INT32_MAX);
  run_service(stream, kitchen, options, [] { return true; });
}

}  // namespace
}  // namespace spiderling
