// Threads in which functions of spiders may wait, and the event loop that waits for them without waiting.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "spiderling/measurement.h"

namespace spiderling::python {

struct SpiderThreadsOptions {
  std::size_t most = 256;       ///< that are at work at once
  std::size_t most_lost = 256;  ///< that may be stuck in functions nobody waits for any more
  std::chrono::milliseconds most_in_loop{10'000};  ///< for which the event loop may be held up
  std::chrono::milliseconds then_in_loop{
      1'000};  ///< the same, by one that follows on one that did not return
};

/// What became of a function that was given to a thread.
enum class CallEnd {
  returned,
  hung,     ///< it had not returned when its time was over: nobody waits for it any more
  refused,  ///< it was not called: too many threads are stuck
};

/// A bounded number of threads with Python in each, made as they are needed. A function that does not return
/// in its time is given up with its thread, which another takes the place of; and SystemExit is raised in it,
/// so that one which computes for ever comes to an end. One that waits in C code cannot be ended: its thread
/// is left to itself.
///
/// Thread-safety: one thread, that of the event loop.
///
///     SpiderThreads threads({}, post);
///     const CallEnd end = co_await threads.call("connect() of example", 10s, [&] { ... });   // may throw
class SpiderThreads {
 public:
  struct Item;
  class Call;
  struct Shared;

  /// `post`: see PostToLoop; it is not used any more once stop() has returned.
  SpiderThreads(const SpiderThreadsOptions& options, PostToLoop post);
  ~SpiderThreads();
  SpiderThreads(const SpiderThreads&) = delete;
  SpiderThreads& operator=(const SpiderThreads&) = delete;

  /// `function` is called in a thread of these, holding the interpreter's lock. It must own what it uses: it
  /// may be given up and go on. `what` names it in the log when that happens.
  Call call(std::string what, std::chrono::milliseconds time, std::function<void()> function);
  /// The same for what the event loop must have at once: it is held up, `most_in_loop` at most. Throws what
  /// the function throws.
  CallEnd call_and_wait(std::string what, std::function<void()> function);

  /// Has a function called in the loop; false: it takes nothing any more. May outlive this, and be called in
  /// any thread.
  std::function<bool(std::function<void()>)> poster() const;
  /// How many functions were given up.
  std::size_t lost() const;
  /// Ends threads that have nothing to do; the others are left to themselves, and so are coroutines that wait
  /// for them.
  void stop();

 private:
  std::shared_ptr<Shared> shared_;
  std::thread watcher_;
  bool last_in_loop_hung_ = false;
};

/// To be awaited once. Throws what the function throws.
class SpiderThreads::Call {
 public:
  Call(std::shared_ptr<Shared> shared, std::shared_ptr<Item> item)
      : shared_(std::move(shared)), item_(std::move(item)) {}
  Call(Call&&) = default;
  ~Call();

  bool await_ready() const noexcept { return false; }
  template <std::derived_from<detail::TaskPromiseBase> Promise>
  void await_suspend(std::coroutine_handle<Promise> waiting) {
    begin(waiting);
  }
  CallEnd await_resume();

 private:
  void begin(std::coroutine_handle<> waiting);

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Item> item_;
};

}  // namespace spiderling::python
