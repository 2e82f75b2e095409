// The interpreter inside the program: how it starts, and how it ends.
#pragma once

// First: it chooses what the system's headers declare.
#include <Python.h>

#include <chrono>
#include <string>

#include "base/error.h"
#include "plugins/python_door.h"

namespace spiderling::python {

/// Starts Python as /usr/bin/python3 would start in this environment, PYTHONPATH and the current folder
/// included, but leaves signals to the program. The calling thread is Python's main thread, and does not hold
/// its lock afterwards. Once a process. Error: no interpreter came up; the process may go on without.
Result<void> start_interpreter(const PythonFolders& folders);

/// Where our packages for Python are; empty if this is not the program.
const std::string& packages_folder();

/// See PythonHost::end(). Not while the calling thread holds the interpreter's lock.
bool end_interpreter(std::chrono::milliseconds most);

/// Holds the interpreter's lock while it lives; in any thread, also one that holds it already.
class InterpreterLock {
 public:
  InterpreterLock() : state_(PyGILState_Ensure()) {}
  ~InterpreterLock() { PyGILState_Release(state_); }
  InterpreterLock(const InterpreterLock&) = delete;
  InterpreterLock& operator=(const InterpreterLock&) = delete;

 private:
  PyGILState_STATE state_;
};

/// The version that this was built for, "3.11".
std::string python_version();

}  // namespace spiderling::python
