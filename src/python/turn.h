// A thread's turn of the interpreter's lock, for threads that take it again and again.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstddef>

namespace spiderling::python {

/// Holds the lock while it lives. Nests; any thread. The first of a thread makes Python's notes about the
/// thread, which stay until it ends, so that the next ones cost no more than the lock.
class Turn {
 public:
  Turn() { begin(); }
  ~Turn() { end(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// The same in two calls.
  static void begin();
  static void end();
};

/// Stands in each thread of ours that Python knows, from before it does until it does not any more. Who lets
/// an interpreter end must wait for them: one that wants the lock then does not survive it.
class OwnThread {
 public:
  OwnThread() { ++threads_; }
  ~OwnThread() { --threads_; }
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  /// How many there are. Any thread.
  static std::size_t count() { return threads_; }

 private:
  static inline std::atomic<std::size_t> threads_ = 0;
};

}  // namespace spiderling::python
