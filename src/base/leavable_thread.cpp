#include "base/leavable_thread.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace spiderling {

struct LeavableThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_over = false;

  void end() {
    const std::lock_guard lock(mutex);
    is_over = true;
    changed.notify_all();
  }

  // Made before anything else that is thread_local, hence destroyed after all of it: that may wait, too.
  struct AtEnd {
    std::shared_ptr<State> state;
    ~AtEnd() {
      if (state) state->end();
    }
  };
};

LeavableThread::LeavableThread(std::function<void()> function) : state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_, function = std::move(function)]() mutable {
    thread_local State::AtEnd at_end;
    at_end.state = std::move(state);
    function();
    function = nullptr;
  });
}

LeavableThread& LeavableThread::operator=(LeavableThread&& other) {
  leave();
  state_ = std::move(other.state_);
  thread_ = std::move(other.thread_);
  return *this;
}

bool LeavableThread::is_over() const { return wait({}); }

bool LeavableThread::wait(std::chrono::milliseconds most) const {
  if (!state_) return true;
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, most, [&] { return state_->is_over; });
}

void LeavableThread::leave(std::chrono::milliseconds most) {
  if (!thread_.joinable()) return;
  if (wait(most)) {
    thread_.join();
  } else {
    thread_.detach();
  }
  state_.reset();
}

}  // namespace spiderling
