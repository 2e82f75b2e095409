#include <Python.h>
// Python.h first: it chooses what the system's headers declare.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "python/spider_threads.h"

namespace spiderling::python {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto look_every = 50ms;
constexpr auto end_patience = 2s;  // for threads that have nothing to do to be gone

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
  std::condition_variable has_work, changed;
  PostToLoop post;  // empty: the loop is gone
  std::deque<std::shared_ptr<Item>> waiting;
  std::vector<std::shared_ptr<Item>> running;
  std::size_t threads = 0;  // at work or idle, without those that are lost
  std::size_t idle = 0;
  std::size_t lost = 0;
  std::size_t ever_lost = 0;
  bool stopping = false;
  std::thread watcher;

  bool post_now(std::function<void()> function) {
    const std::lock_guard lock(mutex);
    return post_locked(std::move(function));
  }
  bool post_locked(std::function<void()> function) {
    if (!post) return false;
    post(std::move(function));
    return true;
  }
  // It runs in a thread of these, or in the loop.
  void begin(const std::shared_ptr<Item>& item) {
    item->over = Clock::now() + item->time;
    running.push_back(item);
  }
  // How it ended is known: its coroutine goes on in the loop.
  void decide(const std::shared_ptr<Item>& item, CallEnd end) {
    item->decided = true;
    item->end = end;
    std::erase(running, item);
    post_locked([item] { item->resume(); });
  }
};

namespace {

// In a thread of its own, since whoever has the interpreter's lock may keep it.
void raise_in(const std::shared_ptr<SpiderThreads::Item>& item) {
  std::thread([item] {
    const PyGILState_STATE state = PyGILState_Ensure();
    if (!item->is_over) PyThreadState_SetAsyncExc(item->thread, PyExc_SystemExit);
    PyGILState_Release(state);
  }).detach();
}

// With the interpreter's lock: what was raised too late is for nobody.
void note_over(SpiderThreads::Item& item) {
  item.is_over = true;
  PyThreadState_SetAsyncExc(item.thread, nullptr);
}

// One thread. It ends when it is told to, or when what it was called for had been given up.
void serve(const std::shared_ptr<SpiderThreads::Shared>& shared) {
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
  --shared->threads;
  lock.unlock();
  PyEval_RestoreThread(state);
  PyGILState_Release(python);
  shared->mutex.lock();
  shared->changed.notify_all();
  shared->mutex.unlock();
}

// A thread more, if what waits wants one and there may be one. With the lock.
void add_thread(const std::shared_ptr<SpiderThreads::Shared>& shared) {
  if (shared->idle >= shared->waiting.size() || shared->threads >= shared->options.most) return;
  ++shared->threads;
  std::thread([shared] { serve(shared); }).detach();
}

void watch(const std::shared_ptr<SpiderThreads::Shared>& held) {
  SpiderThreads::Shared& shared = *held;
  std::unique_lock lock(shared.mutex);
  while (!shared.changed.wait_for(lock, look_every, [&] { return shared.stopping; })) {
    const auto now = Clock::now();
    std::vector<std::shared_ptr<SpiderThreads::Item>> over;
    for (const auto& item : shared.running)
      if (item->over <= now) over.push_back(item);
    for (const auto& item : over) {
      if (item->holds_loop) {
        log::warning("a function of a plugin holds up everything; it is interrupted",
                     {{"which", item->what}});
        std::erase(shared.running, item);
        raise_in(item);
        continue;
      }
      ++shared.lost;
      ++shared.ever_lost;
      --shared.threads;
      log::warning("a function of a plugin does not return; nobody waits for it any more",
                   {{"which", item->what}, {"after_ms", std::to_string(item->time.count())}});
      shared.decide(item, CallEnd::hung);
      raise_in(item);
      add_thread(held);
    }
  }
}

}  // namespace

SpiderThreads::SpiderThreads(const SpiderThreadsOptions& options, PostToLoop post)
    : shared_(std::make_shared<Shared>()) {
  shared_->options = options;
  shared_->post = std::move(post);
  shared_->watcher = std::thread([shared = shared_] { watch(shared); });
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
  {
    std::unique_lock lock(shared.mutex);
    if (std::exchange(shared.stopping, true)) return;
    shared.post = nullptr;
    never_begun.swap(shared.waiting);
    shared.has_work.notify_all();
    shared.changed.notify_all();
    shared.changed.wait_for(lock, end_patience, [&] { return shared.threads <= shared.running.size(); });
  }
  shared.watcher.join();
}

SpiderThreads::InLoop::InLoop(SpiderThreads* threads, std::string what) {
  if (threads == nullptr) return;
  shared_ = threads->shared_;
  item_ = std::make_shared<Item>();
  item_->what = std::move(what);
  item_->time = shared_->options.most_in_loop;
  item_->holds_loop = true;
  item_->thread = PyThread_get_thread_ident();
  const std::lock_guard lock(shared_->mutex);
  shared_->begin(item_);
}

SpiderThreads::InLoop::~InLoop() {
  if (!item_) return;
  {
    const std::lock_guard lock(shared_->mutex);
    std::erase(shared_->running, item_);
  }
  note_over(*item_);
}

SpiderThreads::Call::~Call() {
  if (!item_) return;  // moved from
  item_->waiting = {};
}

void SpiderThreads::Call::begin(std::coroutine_handle<> waiting) {
  item_->waiting = waiting;
  Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  if (shared.lost >= shared.options.most_lost) return shared.decide(item_, CallEnd::refused);
  shared.waiting.push_back(item_);
  add_thread(shared_);
  shared.has_work.notify_one();
}

CallEnd SpiderThreads::Call::await_resume() {
  if (item_->failure) std::rethrow_exception(std::exchange(item_->failure, nullptr));
  return item_->end;
}

}  // namespace spiderling::python
