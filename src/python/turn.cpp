#include "python/turn.h"

#include <optional>

namespace spiderling::python {

namespace {

// Of a thread that Python does not know from elsewhere.
class KnownThread {
 public:
  KnownThread() {
    if (PyGILState_GetThisThreadState() != nullptr) return;
    own_.emplace();
    state_ = PyGILState_Ensure();
    thread_ = PyEval_SaveThread();
  }
  ~KnownThread() {
    if (thread_ == nullptr || Py_IsInitialized() == 0) return;
    PyEval_RestoreThread(thread_);
    PyGILState_Release(state_);
  }
  KnownThread(const KnownThread&) = delete;
  KnownThread& operator=(const KnownThread&) = delete;

 private:
  std::optional<OwnThread> own_;
  PyThreadState* thread_ = nullptr;
  PyGILState_STATE state_ = PyGILState_UNLOCKED;
};

struct Depth {
  unsigned turns = 0;
  PyGILState_STATE state = PyGILState_UNLOCKED;
};
thread_local Depth depth;

}  // namespace

void Turn::begin() {
  if (depth.turns++ > 0) return;
  thread_local const KnownThread known;
  depth.state = PyGILState_Ensure();
}

void Turn::end() {
  if (--depth.turns == 0) PyGILState_Release(depth.state);
}

}  // namespace spiderling::python
