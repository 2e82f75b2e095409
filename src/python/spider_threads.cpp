#include <Python.h>
// Python.h first: it chooses what the system's headers declare.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "base/leavable_thread.h"
#include "base/log.h"
#include "python/spider_threads.h"
#include "python/turn.h"

namespace spiderling::python {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto look_every = 50ms;
constexpr auto end_patience = 2s;      // for threads that have nothing to do to end
constexpr auto gone_patience = 200ms;  // then, for all to be gone

}  // namespace

struct SpiderThreads::Item {
  std::string what;
  std::chrono::milliseconds time;
  std::function<void()> function;
  std::exception_ptr failure;
  CallEnd end = CallEnd::returned;
  Clock::time_point over = Clock::time_point::max();  // once it runs
  bool holds_loop = false;
  bool decided = false;  // how it ended; under the lock

  // With the interpreter's lock.
  unsigned long thread = 0;  // Python's number of the thread that it runs in
  bool is_over = false;      // it has returned

  std::coroutine_handle<> waiting;  // of the loop's thread
  void resume() {
    if (const auto handle = std::exchange(waiting, {})) handle.resume();
  }
};

struct SpiderThreads::Shared {
  SpiderThreadsOptions options;

  std::mutex mutex;
  std::condition_variable has_work, changed, decided;
  PostToLoop post;  // empty: the loop is gone
  std::deque<std::shared_ptr<Item>> waiting;
  std::vector<std::shared_ptr<Item>> running;
  std::size_t threads = 0;  // at work or idle, without those that are lost
  std::size_t idle = 0;
  std::size_t lost = 0;
  std::size_t ever_lost = 0;
  bool stopping = false;
  std::vector<LeavableThread> made;

  // With the lock.
  void make_thread(std::function<void()> function) {
    std::erase_if(made, [](const LeavableThread& thread) { return thread.is_over(); });
    made.emplace_back(std::move(function));
  }

  bool post_now(std::function<void()> function) {
    const std::lock_guard lock(mutex);
    return post_locked(std::move(function));
  }
  bool post_locked(std::function<void()> function) {
    if (!post) return false;
    post(std::move(function));
    return true;
  }
  // It runs.
  void begin(const std::shared_ptr<Item>& item) {
    if (!item->holds_loop) item->over = Clock::now() + item->time;
    running.push_back(item);
  }
  // How it ended is known: who waits for it goes on, a coroutine in the loop.
  void decide(const std::shared_ptr<Item>& item, CallEnd end) {
    item->decided = true;
    item->end = end;
    std::erase(running, item);
    if (item->holds_loop) return decided.notify_all();
    post_locked([item] { item->resume(); });
  }
};

namespace {

// For a thread of its own, since whoever has the interpreter's lock may keep it.
void raise_in(SpiderThreads::Item& item) {
  const OwnThread own;
  const PyGILState_STATE state = PyGILState_Ensure();
  if (!item.is_over) PyThreadState_SetAsyncExc(item.thread, PyExc_SystemExit);
  PyGILState_Release(state);
}

// With the interpreter's lock: what was raised too late is for nobody.
void note_over(SpiderThreads::Item& item) {
  item.is_over = true;
  PyThreadState_SetAsyncExc(item.thread, nullptr);
}

// One thread. It ends when it is told to, or when what it was called for had been given up.
void serve(const std::shared_ptr<SpiderThreads::Shared>& shared) {
  const OwnThread own;
  const PyGILState_STATE python = PyGILState_Ensure();
  PyThreadState* const state = PyEval_SaveThread();
  std::unique_lock lock(shared->mutex);
  while (true) {
    ++shared->idle;
    shared->has_work.wait(lock, [&] { return shared->stopping || !shared->waiting.empty(); });
    --shared->idle;
    if (shared->waiting.empty()) break;
    const std::shared_ptr<SpiderThreads::Item> item = std::move(shared->waiting.front());
    shared->waiting.pop_front();
    shared->begin(item);
    lock.unlock();
    std::exception_ptr failure;
    PyEval_RestoreThread(state);
    item->thread = PyThread_get_thread_ident();
    try {
      item->function();
    } catch (...) {
      failure = std::current_exception();
    }
    note_over(*item);
    item->function = nullptr;  // with the interpreter's lock: it may own Python objects
    PyEval_SaveThread();
    lock.lock();
    if (item->decided) {
      --shared->lost;
      lock.unlock();
      PyEval_RestoreThread(state);
      PyGILState_Release(python);
      return;
    }
    item->failure = failure;
    shared->decide(item, CallEnd::returned);
  }
  lock.unlock();
  PyEval_RestoreThread(state);
  PyGILState_Release(python);
  lock.lock();
  --shared->threads;
  shared->changed.notify_all();
}

// A thread more, if what waits wants one and there may be one; the loop does not wait until one has nothing
// to do. With the lock.
void add_thread(const std::shared_ptr<SpiderThreads::Shared>& shared) {
  if (shared->idle >= shared->waiting.size()) return;
  if (shared->threads >= shared->options.most && !shared->waiting.front()->holds_loop) return;
  ++shared->threads;
  shared->make_thread([shared] { serve(shared); });
}

// With the lock.
void give(const std::shared_ptr<SpiderThreads::Shared>& shared,
          const std::shared_ptr<SpiderThreads::Item>& item) {
  if (shared->lost >= shared->options.most_lost) return shared->decide(item, CallEnd::refused);
  if (item->holds_loop) item->over = Clock::now() + item->time;
  shared->waiting.insert(item->holds_loop ? shared->waiting.begin() : shared->waiting.end(), item);
  add_thread(shared);
  shared->has_work.notify_one();
}

void watch(const std::shared_ptr<SpiderThreads::Shared>& held) {
  SpiderThreads::Shared& shared = *held;
  std::unique_lock lock(shared.mutex);
  while (!shared.changed.wait_for(lock, look_every, [&] { return shared.stopping; })) {
    const auto now = Clock::now();
    std::vector<std::shared_ptr<SpiderThreads::Item>> over;
    for (const auto& item : shared.running)
      if (item->over <= now) over.push_back(item);
    // Whoever computes for ever in C code may keep all others from beginning.
    for (const auto& item : shared.waiting)
      if (item->over <= now) over.push_back(item);
    for (const auto& item : over) {
      const bool has_begun = std::erase(shared.waiting, item) == 0;
      if (has_begun) {
        ++shared.lost;
        ++shared.ever_lost;
        --shared.threads;
      }
      log::warning(item->holds_loop
                       ? "a function of a plugin held up everything; nobody waits for it any more"
                       : "a function of a plugin does not return; nobody waits for it any more",
                   {{"which", item->what}, {"after_ms", std::to_string(item->time.count())}});
      shared.decide(item, CallEnd::hung);
      if (has_begun) shared.make_thread([item] { raise_in(*item); });
      add_thread(held);
    }
  }
}

}  // namespace

SpiderThreads::SpiderThreads(const SpiderThreadsOptions& options, PostToLoop post)
    : shared_(std::make_shared<Shared>()) {
  shared_->options = options;
  shared_->post = std::move(post);
  watcher_ = std::thread([shared = shared_] { watch(shared); });
}

SpiderThreads::~SpiderThreads() { stop(); }

SpiderThreads::Call SpiderThreads::call(std::string what, std::chrono::milliseconds time,
                                        std::function<void()> function) {
  auto item = std::make_shared<Item>();
  item->what = std::move(what);
  item->time = time;
  item->function = std::move(function);
  return {shared_, std::move(item)};
}

std::function<bool(std::function<void()>)> SpiderThreads::poster() const {
  return [shared = shared_](std::function<void()> function) { return shared->post_now(std::move(function)); };
}

std::size_t SpiderThreads::lost() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->ever_lost;
}

void SpiderThreads::stop() {
  Shared& shared = *shared_;
  std::deque<std::shared_ptr<Item>> never_begun;  // let go without the lock: they own Python objects
  std::vector<LeavableThread> made;
  {
    std::unique_lock lock(shared.mutex);
    if (std::exchange(shared.stopping, true)) return;
    shared.post = nullptr;
    never_begun.swap(shared.waiting);
    shared.has_work.notify_all();
    shared.changed.notify_all();
    shared.changed.wait_for(lock, end_patience, [&] { return shared.threads <= shared.running.size(); });
  }
  watcher_.join();
  {
    const std::lock_guard lock(shared.mutex);
    made.swap(shared.made);
  }
  const auto end = Clock::now() + gone_patience;
  for (LeavableThread& thread : made)
    thread.leave(std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now())));
}

CallEnd SpiderThreads::call_and_wait(std::string what, std::function<void()> function) {
  auto item = std::make_shared<Item>();
  item->what = std::move(what);
  item->time = last_in_loop_hung_ ? shared_->options.then_in_loop : shared_->options.most_in_loop;
  item->function = std::move(function);
  item->holds_loop = true;
  {
    std::unique_lock lock(shared_->mutex);
    give(shared_, item);
    shared_->decided.wait(lock, [&] { return item->decided; });
  }
  last_in_loop_hung_ = item->end == CallEnd::hung;
  if (item->failure) std::rethrow_exception(std::exchange(item->failure, nullptr));
  return item->end;
}

SpiderThreads::Call::~Call() {
  if (!item_) return;  // moved from
  item_->waiting = {};
}

void SpiderThreads::Call::begin(std::coroutine_handle<> waiting) {
  item_->waiting = waiting;
  const std::lock_guard lock(shared_->mutex);
  give(shared_, item_);
}

CallEnd SpiderThreads::Call::await_resume() {
  if (item_->failure) std::rethrow_exception(std::exchange(item_->failure, nullptr));
  return item_->end;
}

}  // namespace spiderling::python
