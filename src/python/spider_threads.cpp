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
  bool decided = false;                               // how it ended; under the lock

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
  // How it ended is known: its coroutine goes on in the loop.
  void decide(const std::shared_ptr<Item>& item, CallEnd end) {
    item->decided = true;
    item->end = end;
    std::erase(running, item);
    post_locked([item] { item->resume(); });
  }
};

namespace {

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
    item->over = Clock::now() + item->time;
    shared->running.push_back(item);
    lock.unlock();
    std::exception_ptr failure;
    PyEval_RestoreThread(state);
    try {
      item->function();
    } catch (...) {
      failure = std::current_exception();
    }
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

void watch(SpiderThreads::Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (!shared.changed.wait_for(lock, look_every, [&] { return shared.stopping; })) {
    const auto now = Clock::now();
    std::vector<std::shared_ptr<SpiderThreads::Item>> over;
    for (const auto& item : shared.running)
      if (item->over <= now) over.push_back(item);
    for (const auto& item : over) {
      ++shared.lost;
      ++shared.ever_lost;
      --shared.threads;
      log::warning("a function of a plugin does not return; nobody waits for it any more",
                   {{"which", item->what}, {"after_ms", std::to_string(item->time.count())}});
      shared.decide(item, CallEnd::hung);
    }
  }
}

}  // namespace

SpiderThreads::SpiderThreads(const SpiderThreadsOptions& options, PostToLoop post)
    : shared_(std::make_shared<Shared>()) {
  shared_->options = options;
  shared_->post = std::move(post);
  shared_->watcher = std::thread([shared = shared_.get()] { watch(*shared); });
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
  if (shared.idle < shared.waiting.size() && shared.threads < shared.options.most) {
    ++shared.threads;
    std::thread([keep = shared_] { serve(keep); }).detach();
  }
  shared.has_work.notify_one();
}

CallEnd SpiderThreads::Call::await_resume() {
  if (item_->failure) std::rethrow_exception(std::exchange(item_->failure, nullptr));
  return item_->end;
}

}  // namespace spiderling::python
