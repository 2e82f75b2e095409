// Which threads are in a hook in Python, so that one that does not come back can be interrupted.
#pragma once

#include <Python.h>

#include <atomic>

namespace spiderling::python {

/// A thread that calls hooks.
struct HookThread {
  std::atomic<bool> in_hook{false};  ///< changed and read with the interpreter's lock
  unsigned long id = PyThread_get_thread_ident();
};

/// While it lives, this thread is in a hook. With the interpreter's lock.
class InHook {
 public:
  InHook();
  ~InHook();
  InHook(const InHook&) = delete;
  InHook& operator=(const InHook&) = delete;

 private:
  HookThread& thread_;
};

/// True once no hook shall be called any more.
bool hooks_are_over();
/// From now on they are, and KeyboardInterrupt is raised in those that run. Any thread; again and again.
void end_hooks();

}  // namespace spiderling::python
