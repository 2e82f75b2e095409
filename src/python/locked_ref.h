// References to Python objects that travel through the engine, where nobody holds the interpreter's lock.
#pragma once

#include <Python.h>

#include <memory>
#include <utility>

#include "python/interpreter.h"
#include "python/ref.h"

namespace spiderling::python {

/// Shared; let go in any thread, with or without the interpreter's lock. Read with it.
class LockedRef {
 public:
  LockedRef() = default;
  /// With the interpreter's lock.
  explicit LockedRef(Ref object) : object_(std::make_shared<Held>(std::move(object))) {}

  PyObject* get() const { return object_ ? object_->object.get() : nullptr; }
  explicit operator bool() const { return get() != nullptr; }

 private:
  struct Held {
    explicit Held(Ref taken) : object(std::move(taken)) {}
    ~Held() {
      const InterpreterLock lock;
      object = Ref();
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    Ref object;
  };
  std::shared_ptr<Held> object_;
};

}  // namespace spiderling::python
