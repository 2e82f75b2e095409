#include "python/test_interpreter.h"
// Python.h first: it chooses what the system's headers declare.
#include <gmock/gmock.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "python/spider_threads.h"
#include "spiders/await_task.h"

namespace spiderling::python {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;

// An event loop: what is posted is called in the test's thread.
class Loop {
 public:
  PostToLoop poster() {
    return [this](std::function<void()> function) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(function));
      changed_.notify_one();
    };
  }
  template <class Condition>
  bool run_until(const Condition& condition) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_until(lock, end, [&] { return !posted_.empty(); })) return false;
        next = std::move(posted_.front());
        posted_.pop_front();
      }
      next();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

Task<CallEnd> call(SpiderThreads& threads, std::chrono::milliseconds time, std::function<void()> function) {
  SpiderThreads::Call pending = threads.call("a function of the test", time, std::move(function));
  co_return co_await pending;
}

// A coroutine that its owner destroys, also one that will never go on.
class Owned {
 public:
  struct promise_type {
    Owned get_return_object() { return Owned(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  Owned() = default;
  Owned(Owned&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Owned() {
    if (frame_) frame_.destroy();
  }

 private:
  explicit Owned(std::coroutine_handle<> frame) : frame_(frame) {}
  std::coroutine_handle<> frame_;
};

class SpiderThreadsTest : public PythonTest {
 protected:
  void SetUp() override {
    PythonTest::SetUp();
    run("import threading\n"
        "go = threading.Event()\n"
        "ended = []\n");
  }
  void TearDown() override {
    run("go.set()");
    PythonTest::TearDown();
  }

  // What became of a call; once it is known.
  struct Outcome {
    std::optional<CallEnd> end;
    std::string raised;
    Owned waits;
    bool known() const { return end || !raised.empty(); }
  };
  static Owned await(Task<CallEnd> task, Outcome& outcome) {
    try {
      outcome.end = co_await task;
    } catch (...) {
      outcome.raised = reason_of(std::current_exception());
    }
  }
  static void start(SpiderThreads& threads, Outcome& outcome, std::chrono::milliseconds time,
                    std::function<void()> function) {
    outcome.waits = await(call(threads, time, std::move(function)), outcome);
  }
  // Waits, as a plugin's function may, without the interpreter's lock. Given up, it ends by SystemExit.
  std::function<void()> waiting() {
    return [this] {
      if (!run_locked("go.wait()\nended.append('waiting')")) PyErr_Clear();
    };
  }
  // Computes for ever, but for what is raised in it.
  std::function<void()> computing() {
    return [this] {
      const bool returned = run_locked("while not go.is_set():\n    pass\n");
      const std::string raised = returned ? "nothing" : take_exception().text;
      if (!run_locked("ended.append('" + raised + "')")) ADD_FAILURE() << take_exception().text;
    };
  }
  bool has_ended(const std::string& how) {
    return comes_true([&] { return value("ended") == how; });
  }

  Loop loop_;
};

TEST_F(SpiderThreadsTest, AFunctionRunsInAThreadWithTheInterpretersLock) {
  SpiderThreads threads({}, loop_.poster());
  const auto here = std::this_thread::get_id();
  std::thread::id there = here;
  bool has_lock = false;
  Outcome outcome;
  start(threads, outcome, 60s, [&] {
    there = std::this_thread::get_id();
    has_lock = PyGILState_Check() == 1;
  });
  ASSERT_TRUE(loop_.run_until([&] { return outcome.known(); }));
  EXPECT_EQ(outcome.end, CallEnd::returned);
  EXPECT_NE(there, here);
  EXPECT_TRUE(has_lock);
  EXPECT_EQ(threads.lost(), 0u);
}

TEST_F(SpiderThreadsTest, WhatItThrowsIsThrownToTheOneThatWaits) {
  SpiderThreads threads({}, loop_.poster());
  Outcome outcome;
  start(threads, outcome, 60s, [] { throw std::runtime_error("of the plugin"); });
  ASSERT_TRUE(loop_.run_until([&] { return outcome.known(); }));
  EXPECT_EQ(outcome.raised, "of the plugin");
}

TEST_F(SpiderThreadsTest, AsManyAtOnceAsThereMayBeAndAllInTheirTurn) {
  SpiderThreads threads({.most = 3, .most_lost = 1, .most_in_loop = 10s}, loop_.poster());
  int now = 0, most = 0;  // with the interpreter's lock
  std::vector<Outcome> outcomes(20);
  for (Outcome& outcome : outcomes) {
    start(threads, outcome, 60s, [&] {
      most = std::max(most, ++now);
      if (!run_locked("import time\ntime.sleep(0.01)")) ADD_FAILURE() << take_exception().text;
      --now;
    });
  }
  ASSERT_TRUE(
      loop_.run_until([&] { return std::ranges::all_of(outcomes, [](auto& one) { return one.known(); }); }));
  EXPECT_THAT(outcomes, Each(::testing::Field(&Outcome::end, CallEnd::returned)));
  EXPECT_LE(most, 3);
  EXPECT_GT(most, 1);
}

TEST_F(SpiderThreadsTest, OneThatDoesNotReturnIsGivenUpAndAnotherTakesItsPlace) {
  SpiderThreads threads({.most = 1, .most_lost = 4, .most_in_loop = 10s}, loop_.poster());
  Outcome hung, next;
  start(threads, hung, 100ms, waiting());
  start(threads, next, 60s, [] {});
  ASSERT_TRUE(loop_.run_until([&] { return hung.known() && next.known(); }));
  EXPECT_EQ(hung.end, CallEnd::hung);
  EXPECT_EQ(next.end, CallEnd::returned);
  EXPECT_EQ(threads.lost(), 1u);
}

TEST_F(SpiderThreadsTest, OneThatComputesForEverIsEndedBySystemExit) {
  SpiderThreads threads({}, loop_.poster());
  Outcome outcome;
  start(threads, outcome, 100ms, computing());
  ASSERT_TRUE(loop_.run_until([&] { return outcome.known(); }));
  EXPECT_EQ(outcome.end, CallEnd::hung);
  EXPECT_TRUE(has_ended("['SystemExit']")) << value("ended");
}

TEST_F(SpiderThreadsTest, WhereTooManyAreStuckNoMoreAreCalled) {
  SpiderThreads threads({.most = 8, .most_lost = 2, .most_in_loop = 10s}, loop_.poster());
  std::vector<Outcome> stuck(2);
  for (Outcome& one : stuck) start(threads, one, 50ms, waiting());
  ASSERT_TRUE(loop_.run_until([&] { return stuck[0].known() && stuck[1].known(); }));
  bool was_called = false;
  Outcome refused, again;
  start(threads, refused, 60s, [&] { was_called = true; });
  ASSERT_TRUE(loop_.run_until([&] { return refused.known(); }));
  EXPECT_EQ(refused.end, CallEnd::refused);
  EXPECT_FALSE(was_called);

  // They come back after all.
  run("go.set()");
  EXPECT_TRUE(comes_true([&] {
    Outcome outcome;
    start(threads, outcome, 60s, [] {});
    return loop_.run_until([&] { return outcome.known(); }) && outcome.end == CallEnd::returned;
  }));
  EXPECT_EQ(threads.lost(), 2u);
}

TEST_F(SpiderThreadsTest, ItStopsWhileFunctionsWaitAndNothingIsPostedAfterwards) {
  Outcome at_work, never_begun;
  std::function<bool(std::function<void()>)> poster;
  bool was_called = false;
  const auto began = std::chrono::steady_clock::now();
  {
    SpiderThreads threads({.most = 1, .most_lost = 1, .most_in_loop = 10s}, loop_.poster());
    poster = threads.poster();
    EXPECT_TRUE(poster([] {}));
    bool is_inside = false;
    start(threads, at_work, 60s, [&, wait = waiting()] {
      is_inside = true;
      wait();
    });
    EXPECT_TRUE(comes_true([&] {
      const InterpreterLock lock;
      return is_inside;
    }));
    start(threads, never_begun, 60s, [&] { was_called = true; });
    threads.stop();
    threads.stop();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s) << "the function would wait for ever";
  EXPECT_FALSE(poster([] {}));
  run("go.set()");
  EXPECT_TRUE(has_ended("['waiting']"));
  EXPECT_FALSE(at_work.known());
  EXPECT_FALSE(never_begun.known());
  EXPECT_FALSE(was_called);
}

TEST_F(SpiderThreadsTest, TheLoopHasWhatItMustHaveAtOnce) {
  SpiderThreads threads({.most = 1}, loop_.poster());
  Outcome outcome;
  start(threads, outcome, 60s, waiting());  // the only thread
  bool was_called = false;
  EXPECT_EQ(threads.call_and_wait("a function of the test", [&] { was_called = true; }), CallEnd::returned);
  EXPECT_TRUE(was_called);
  EXPECT_THROW(threads.call_and_wait("another", [] { throw std::runtime_error("of the plugin"); }),
               std::runtime_error);
  EXPECT_FALSE(outcome.known());
  run("go.set()");
  EXPECT_TRUE(loop_.run_until([&] { return outcome.known(); }));
}

TEST_F(SpiderThreadsTest, WhatHoldsUpTheLoopIsGivenUpAndTheNextHasLessTime) {
  SpiderThreads threads({.most = 1, .most_in_loop = 300ms, .then_in_loop = 50ms}, loop_.poster());
  EXPECT_EQ(threads.call_and_wait("a function of the test", computing()), CallEnd::hung);
  EXPECT_TRUE(has_ended("['SystemExit']")) << value("ended");
  // Nothing interrupts what waits in C code.
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(threads.call_and_wait("a function of the test", waiting()), CallEnd::hung);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
  EXPECT_EQ(threads.lost(), 2u);
  // What was quick enough hears nothing of it, not even later.
  EXPECT_EQ(threads.call_and_wait("a function of the test", [] {}), CallEnd::returned);
}

TEST_F(SpiderThreadsTest, WhoeverKeepsTheInterpretersLockHoldsUpTheLoopNoLonger) {
  SpiderThreads threads({.most_in_loop = 200ms}, loop_.poster());
  const InterpreterLock lock;
  bool was_called = false;
  EXPECT_EQ(threads.call_and_wait("a function of the test", [&] { was_called = true; }), CallEnd::hung);
  EXPECT_FALSE(was_called);
}

}  // namespace
}  // namespace spiderling::python
