#include "python/hook_threads.h"

#include <list>
#include <mutex>

#include "python/turn.h"

namespace spiderling::python {

namespace {

std::atomic<bool> over = false;

std::mutex& mutex() {
  static std::mutex one;
  return one;
}
std::list<HookThread>& threads() {
  static std::list<HookThread> all;
  return all;
}

// In the list as long as its thread lives.
class Entry {
 public:
  Entry() {
    const std::lock_guard lock(mutex());
    thread_ = threads().emplace(threads().end());
  }
  ~Entry() {
    const std::lock_guard lock(mutex());
    threads().erase(thread_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  HookThread& thread() const { return *thread_; }

 private:
  std::list<HookThread>::iterator thread_;
};

HookThread& this_thread() {
  thread_local const Entry entry;
  return entry.thread();
}

}  // namespace

InHook::InHook() : thread_(this_thread()) { thread_.in_hook.store(true, std::memory_order_relaxed); }

InHook::~InHook() {
  thread_.in_hook.store(false, std::memory_order_relaxed);
  // An interruption that came too late is for nobody else.
  if (hooks_are_over()) PyThreadState_SetAsyncExc(thread_.id, nullptr);
}

bool hooks_are_over() { return over.load(std::memory_order_relaxed); }

void end_hooks() {
  over = true;
  const Turn turn;
  const std::lock_guard lock(mutex());
  for (const HookThread& one : threads()) {
    if (one.in_hook) PyThreadState_SetAsyncExc(one.id, PyExc_KeyboardInterrupt);
  }
}

}  // namespace spiderling::python
