#include "app/loop_guard.h"

#include <algorithm>
#include <utility>

namespace spiderling::app {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto look_every = 200ms;

}  // namespace

LoopGuard::LoopGuard(std::chrono::milliseconds most, std::function<void()> give_up)
    : most_(most), give_up_(std::move(give_up)), thread_([this] { watch(); }) {}

LoopGuard::~LoopGuard() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  thread_.join();
}

std::unique_lock<std::mutex> LoopGuard::own() {
  beat();
  std::unique_lock lock(owned_);
  while (given_up_) {  // the process ends in the guard's thread
    lock.unlock();
    std::this_thread::sleep_for(1h);
    lock.lock();
  }
  return lock;
}

void LoopGuard::watch() {
  std::unique_lock lock(mutex_);
  auto before = Clock::now();
  while (!ends_.wait_for(lock, look_every, [&] { return ending_; })) {
    const auto now = Clock::now();
    // More has passed only if this process was not run.
    const auto passed = std::min<Clock::duration>(now - before, 2 * look_every);
    before = now;
    if (!is_stuck(std::chrono::duration_cast<std::chrono::milliseconds>(passed))) continue;
    const std::unique_lock owned(owned_, std::try_to_lock);
    if (!owned) {
      quiet_ = {};
      continue;
    }
    given_up_ = true;
    give_up_();
    return;
  }
}

bool LoopGuard::is_stuck(std::chrono::milliseconds passed) {
  const std::uint64_t beats = beats_.load(std::memory_order_relaxed);
  quiet_ = beats == seen_ ? quiet_ + passed : std::chrono::milliseconds();
  seen_ = beats;
  return quiet_ >= most_;
}

}  // namespace spiderling::app
