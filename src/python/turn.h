// A thread's turn of the interpreter's lock, for threads that take it again and again.
#pragma once

#include <Python.h>

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

}  // namespace spiderling::python
