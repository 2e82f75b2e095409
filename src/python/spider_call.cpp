#include "python/spider_call.h"

#include <fcntl.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "spiders/await_task.h"

namespace spiderling::python {

namespace {

struct Answer {
  int descriptor = -1;
  std::uint16_t sp = 0;
  ConnectionState state = ConnectionState::discard;
};

// What a thread waits for.
class Reply {
 public:
  void give(std::optional<Answer> answer) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(given_, true)) return;
    answer_ = answer;
    changed_.notify_all();
  }
  // nullopt: the loop, or the connection's time, is over.
  std::optional<Answer> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return given_; });
    return answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool given_ = false;
  std::optional<Answer> answer_;
};

// Nobody waits in vain for a loop that was destroyed.
struct Promised {
  explicit Promised(std::shared_ptr<Reply> to) : reply(std::move(to)) {}
  ~Promised() { reply->give(std::nullopt); }
  Promised(const Promised&) = delete;
  Promised& operator=(const Promised&) = delete;
  std::shared_ptr<Reply> reply;
};

Answer answer_of(SpiderCall& call) {
  Answer answer{-1, call.connected.sp, call.connected.state};
  if (answer.state != ConnectionState::ok) return answer;
  const int socket = call.worker->socket();
  answer.descriptor = socket < 0 ? -1 : ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (answer.descriptor < 0) answer.state = ConnectionState::discard;
  return answer;
}

// In the loop.
void connect(const std::shared_ptr<SpiderCall>& call, const std::shared_ptr<Promised>& promised) {
  if (call->worker == nullptr) return;
  call->connecting = true;
  detail::drive(call->worker->tcp_connect(),
                [call, promised](std::exception_ptr failure, std::optional<ConnectionRecord> record) {
                  call->connecting = false;
                  if (failure == nullptr && record && call->worker != nullptr) {
                    call->connected = std::move(*record);
                    promised->reply->give(answer_of(*call));
                  }
                  if (const auto waits = std::exchange(call->when_connected, nullptr)) waits();
                });
}

// --- the type

struct WorkerObject {
  PyObject_HEAD std::shared_ptr<SpiderCall> call;
};

PyTypeObject* worker_type = nullptr;

SpiderCall& call_of(PyObject* self) { return *reinterpret_cast<WorkerObject*>(self)->call; }

PyObject* can_connect(PyObject* self, PyObject* arguments) {
  const char* dip = nullptr;
  int dp = 0;
  PyObject* timeout = nullptr;
  if (PyArg_ParseTuple(arguments, "siO", &dip, &dp, &timeout) == 0) return nullptr;
  const SpiderCall& call = call_of(self);
  double seconds = 0;
  if (timeout != Py_None) {
    seconds = PyFloat_AsDouble(timeout);
    if (PyErr_Occurred() != nullptr) return nullptr;
  }
  const bool long_enough =
      timeout == Py_None || seconds * 1000 >= static_cast<double>(call.timeout.count()) - 1;
  return PyBool_FromLong(!call.used && long_enough && call.dip == dip && call.dp == dp);
}

PyObject* tcp_connect(PyObject* self, PyObject* /*none*/) {
  const std::shared_ptr<SpiderCall> call = reinterpret_cast<WorkerObject*>(self)->call;
  if (std::exchange(call->used, true)) return fail(PyExc_RuntimeError, "the engine connects once");
  const auto reply = std::make_shared<Reply>();
  std::optional<Answer> answer;
  Py_BEGIN_ALLOW_THREADS;
  auto promised = std::make_shared<Promised>(reply);
  call->post([call, kept = std::move(promised)] { connect(call, kept); });
  answer = reply->wait();
  Py_END_ALLOW_THREADS;
  if (!answer) return fail(PyExc_TimeoutError, "the time of this connection is over");
  return Py_BuildValue("iii", answer->descriptor, int{answer->sp}, static_cast<int>(answer->state));
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  std::destroy_at(&reinterpret_cast<WorkerObject*>(self)->call);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"can_connect", can_connect, METH_VARARGS,
     "can_connect(dip, dp, timeout): whether tcp_connect() would do"},
    {"tcp_connect", tcp_connect, METH_NOARGS, "tcp_connect(): (descriptor, local port, state)"},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)}, {Py_tp_methods, methods}, {0, nullptr}};
PyType_Spec spec = {"_spiderling.Worker", sizeof(WorkerObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

bool make_worker_type() {
  if (worker_type != nullptr) return true;
  worker_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return worker_type != nullptr;
}

Ref make_worker_object(std::shared_ptr<SpiderCall> call) {
  Ref made(worker_type->tp_alloc(worker_type, 0));
  if (!made) throw_exception();
  std::construct_at(&reinterpret_cast<WorkerObject*>(made.get())->call, std::move(call));
  return made;
}

}  // namespace spiderling::python
