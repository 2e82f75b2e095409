// The interpreter in a unit test, and Python's values in C++. Only for tests.
#pragma once

// First: it chooses what the system's headers declare.
#include "python/interpreter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "python/ref.h"

namespace spiderling::python {

/// Started once a process, and never taken down: threads of tests may still be in it.
inline void need_interpreter() {
  static const bool started = [] {
    const auto result = start_interpreter({.library = {}, .packages = SPIDERLING_TEST_PACKAGES});
    EXPECT_TRUE(result.has_value()) << result.error().message;
    if (!result) return false;
    const InterpreterLock lock;
    const Ref module(PyImport_ImportModule("_spiderling"));  // makes the types of packets
    return static_cast<bool>(module);
  }();
  ASSERT_TRUE(started);
}

/// Tests that run Python. The test's thread does not hold the interpreter's lock.
class PythonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    need_interpreter();
    const InterpreterLock lock;
    scope_ = new Ref(PyDict_New());
    PyDict_SetItemString(scope_->get(), "__builtins__", PyEval_GetBuiltins());
  }
  void TearDown() override {
    const InterpreterLock lock;
    delete scope_;
  }

  /// Runs statements; each test has names of its own.
  void run(const std::string& statements) const {
    const InterpreterLock lock;
    if (!run_locked(statements)) ADD_FAILURE() << take_exception().text;
  }
  bool run_locked(const std::string& statements) const {
    return static_cast<bool>(
        Ref(PyRun_String(statements.c_str(), Py_file_input, scope_->get(), scope_->get())));
  }
  /// str() of a name.
  std::string value(const std::string& name) const {
    const InterpreterLock lock;
    return text_of(object(name));
  }
  /// Borrowed. With the interpreter's lock.
  PyObject* object(const std::string& name) const {
    return PyDict_GetItemString(scope_->get(), name.c_str());
  }

  /// Until something comes true; false: it did not, in a long time.
  template <class Condition>
  static bool comes_true(const Condition& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

 private:
  Ref* scope_ = nullptr;  // let go with the lock
};

}  // namespace spiderling::python
