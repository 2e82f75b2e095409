// _spiderling.PacketSource: packets for handlers that a Python program calls by itself.
#include "python/module.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "capture/source.h"
#include "python/packet_object.h"
#include "python/packet_types.h"
#include "python/ref.h"

namespace spiderling::python {

namespace {

using Clock = std::chrono::steady_clock;

// A source, and those frames of the latest batch that were not handed on yet.
struct Feed {
  explicit Feed(std::unique_ptr<Source> opened) : source(std::move(opened)) {}

  std::unique_ptr<Source> source;
  std::array<Frame, 64> frames;
  std::size_t next = 0;
  std::size_t count = 0;
  bool over = false;
  PacketLender lender;

  /// Without the interpreter's lock. False: nothing came in time, or nothing will come any more.
  bool fill(std::chrono::milliseconds wait) {
    const auto batch = source->stream(0).next(frames, wait);
    over = batch.state == StreamState::ended;
    next = 0;
    count = batch.count;
    return count != 0;
  }
};

struct SourceObject {
  PyObject_HEAD Feed* feed;
  bool busy;
};
SourceObject* source_of(PyObject* self) { return reinterpret_cast<SourceObject*>(self); }

PyObject* create(PyTypeObject* type, PyObject* arguments, PyObject* named) {
  static const char* names[] = {"interface", "filter", nullptr};
  const char* interface = nullptr;
  const char* filter = "";
  if (PyArg_ParseTupleAndKeywords(arguments, named, "s|s", const_cast<char**>(names), &interface, &filter) ==
      0)
    return nullptr;
  const std::string name = interface;  // the argument's text may go away meanwhile
  SourceOptions options;
  options.filter = filter;
  std::optional<Result<std::unique_ptr<Source>>> opened;
  Py_BEGIN_ALLOW_THREADS;  // a pipe waits for its writer
  opened.emplace(Source::open(name, options));
  Py_END_ALLOW_THREADS;
  if (!*opened) return fail(PyExc_OSError, opened->error().message.c_str());
  PyObject* made = type->tp_alloc(type, 0);
  if (made != nullptr) source_of(made)->feed = new Feed(std::move(**opened));
  return made;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete source_of(self)->feed;
  type->tp_free(self);
  Py_DECREF(type);
}

// False: the handler has raised. The frame counts as handed on.
bool hand_on(Feed& feed, PyObject* handler) {
  const Frame& frame = feed.frames[feed.next++];
  PyObject* packet =
      feed.lender.lend(Bytes(frame.data, frame.captured), frame.time_ns, frame.wire_length, frame.link_type);
  if (packet == nullptr) return false;
  const Ref returned(PyObject_CallOneArg(handler, packet));
  feed.lender.take_back();
  return static_cast<bool>(returned);
}

bool wait_for_frames(SourceObject* self, Clock::time_point until) {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  bool filled = false;
  look_at_scapys_bindings();
  Py_BEGIN_ALLOW_THREADS;
  filled = self->feed->fill(std::max(wait, std::chrono::milliseconds(0)));
  Py_END_ALLOW_THREADS;
  return filled;
}

PyObject* hand_on_until(SourceObject* self, PyObject* handler, Clock::time_point until) {
  Feed& feed = *self->feed;
  while (true) {
    while (feed.next < feed.count) {
      if (!hand_on(feed, handler)) return nullptr;
    }
    if (feed.over) Py_RETURN_FALSE;
    if (Clock::now() >= until || PyErr_CheckSignals() != 0) break;
    if (!wait_for_frames(self, until) && !feed.over) break;
  }
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_TRUE;
}

PyObject* feed(PyObject* object, PyObject* arguments) {
  PyObject* handler = nullptr;
  double seconds = 0;
  if (PyArg_ParseTuple(arguments, "Od", &handler, &seconds) == 0) return nullptr;
  SourceObject* self = source_of(object);
  if (self->busy) return fail(PyExc_RuntimeError, "this source is feeding another handler");
  constexpr double longest = 3600;
  const auto wait = std::chrono::duration<double>(std::clamp(seconds, 0.0, longest));
  self->busy = true;
  PyObject* more =
      hand_on_until(self, handler, Clock::now() + std::chrono::duration_cast<Clock::duration>(wait));
  self->busy = false;
  return more;
}

PyObject* stop(PyObject* object, PyObject*) {
  source_of(object)->feed->source->stop();
  Py_RETURN_NONE;
}

PyObject* live(PyObject* object, void*) {
  return PyBool_FromLong(static_cast<long>(source_of(object)->feed->source->live()));
}

PyObject* dropped(PyObject* object, void*) {
  return PyLong_FromUnsignedLongLong(source_of(object)->feed->source->counters().kernel_dropped);
}

PyMethodDef methods[] = {
    {"feed", feed, METH_VARARGS,
     "feed(handler, seconds): calls handler(packet) for each packet that comes within so many seconds. "
     "False: "
     "there will be no more. What the handler raises comes out; the packets behind wait for the next call."},
    {"stop", stop, METH_NOARGS, "Makes the source end. Any thread may call it."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef attributes[] = {
    {"live", live, nullptr, "whether packets come as they are captured, not from a file", nullptr},
    {"dropped", dropped, nullptr, "packets that the kernel had to drop", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

bool add_packet_source(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(create)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_methods, methods},
      {Py_tp_getset, attributes},
      {Py_tp_doc,
       const_cast<char*>("PacketSource(interface, filter='')\n\nA trace, an interface, or \"all\".")},
      {0, nullptr}};
  PyType_Spec spec = {"_spiderling.PacketSource", sizeof(SourceObject), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return type && PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type.get())) == 0;
}

}  // namespace spiderling::python
