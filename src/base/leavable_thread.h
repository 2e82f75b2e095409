// A thread that may never come back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace spiderling {

/// A thread whose function may wait for ever in code that nothing interrupts: a plugin's, or the C library's
/// when it looks up a name. Once it is over the thread is joined like any other, so that nothing of it is
/// still under way when the process ends; one that is not over is left to itself, and must own what it uses.
///
/// Thread-safety: of one owner. The owner may be let go by the thread itself, which is left then.
///
///     LeavableThread thread([names] { names->look_up(); });
///     if (!thread.wait(5s)) complain();
class LeavableThread {
 public:
  LeavableThread() = default;
  explicit LeavableThread(std::function<void()> function);
  LeavableThread(LeavableThread&&) = default;
  LeavableThread& operator=(LeavableThread&& other);
  ~LeavableThread() { leave(); }

  /// The function has returned, is destroyed, and so is what is thread_local. True without a thread.
  bool is_over() const;
  /// Waits until it is over, `most` at most; whether it is.
  bool wait(std::chrono::milliseconds most) const;
  /// Joined if it is over within `most`, left to itself otherwise. There is no thread afterwards.
  void leave(std::chrono::milliseconds most = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace spiderling
