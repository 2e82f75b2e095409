// Counted references to Python objects, and Python's exceptions as text. All of it with the interpreter's
// lock.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <utility>

namespace spiderling::python {

/// Owns a reference, or nothing.
class Ref {
 public:
  Ref() = default;
  /// Takes over a new reference, as most functions of Python return it; nullptr (failed) is nothing.
  explicit Ref(PyObject* taken) : object_(taken) {}
  /// Shares a borrowed reference.
  static Ref borrowed(PyObject* object) { return Ref(Py_XNewRef(object)); }

  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Ref(const Ref& other) : object_(Py_XNewRef(other.object_)) {}
  Ref& operator=(const Ref& other) {
    Ref copy(other);
    std::swap(object_, copy.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  /// Gives the reference away.
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

/// object.name, or nothing, and no exception, if it has none.
Ref attribute(PyObject* object, const char* name);

/// str(object) in UTF-8; what cannot be said so is replaced. Never fails.
std::string text_of(PyObject* object);

/// What a raised exception says, in one line for a person.
struct RaisedException {
  std::string text;       ///< "No module named 'x'", or with its type where that is needed: "KeyError: 'x'"
  std::string where;      ///< "my_chefs.py:12", the innermost line of Python; empty: there is none
  std::string traceback;  ///< as Python prints it; several lines
};
/// Takes the exception that is set, SystemExit and KeyboardInterrupt too; none is set afterwards.
RaisedException take_exception();

// From Python's exceptions to ours.

/// Takes the exception that is set and throws what it says, as std::runtime_error.
[[noreturn]] void throw_exception();
/// `made`, or throw_exception() if it is nothing.
Ref or_throw(Ref made);

// From our errors to Python's exceptions.

/// What a function returns that has failed and set an exception: no object, or false.
struct Failed {
  template <class Type>
  operator Type*() const {
    return nullptr;
  }
  operator bool() const { return false; }
};
/// Sets an exception of this type. Bytes of `problem` that are not UTF-8 are replaced.
///     if (count < 0) return fail(PyExc_ValueError, "there are less than none");
Failed fail(PyObject* type, std::string_view problem);

}  // namespace spiderling::python
