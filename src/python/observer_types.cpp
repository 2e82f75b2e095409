// _spiderling.Observer: packets of a source into flows, and their records out, for a Python program.
#include <array>
#include <atomic>
#include <chrono>
#include <optional>

#include "capture/interfaces.h"
#include "capture/source.h"
#include "flows/observer.h"
#include "python/headers.h"
#include "python/module.h"
#include "python/observer_chains.h"

namespace spiderling::python {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t enough_records = 256;  // for one call of next()
// A live packet may lie in the capture ring for a while: timers that no packet drives run behind by this.
constexpr auto live_lag = std::chrono::seconds(1);

// Source, chains and observer together. Its calls run without the interpreter's lock, all from one thread at
// a time.
class Run final : public FlowSink {
 public:
  struct Ended {
    Timestamp first;
    Timestamp last;
    KeptStates states;
    FailedChains failed;
  };

  Run(ObserverChains chains, ChainSet set, std::unique_ptr<Source> source, const ObserverOptions& options)
      : chains_(std::move(chains)),
        set_(std::move(set)),
        source_(std::move(source)),
        observer_(set_, options, *this) {}

  void flow_ended(const FlowRecord& record) override {
    PythonChain::note_end(set_, record);
    ended_.push_back({record.first, record.last, keep_states(set_, record.states), record.failed});
  }

  /// Until there are records, the time is over, or the source has ended.
  void go_on(Clock::time_point until) {
    std::array<Frame, Observer::max_batch> room;
    while (!over_) {
      if (flush_.exchange(false)) {
        observer_.finish();
        if (!ended_.empty()) return;
      }
      const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      const auto batch = source_->stream(0).next(room, std::max(wait, std::chrono::milliseconds(0)));
      if (batch.state == StreamState::ended) {
        observer_.finish();
        over_ = true;
        return;
      }
      observer_.process(std::span(room).first(batch.count));
      const bool idle = batch.state == StreamState::idle;
      if (idle && source_->live()) observer_.advance(std::chrono::system_clock::now() - live_lag);
      if (ended_.size() >= enough_records || (idle && !ended_.empty()) || Clock::now() >= until) return;
    }
  }

  /// All flows end before the next packet. Any thread may ask for it.
  void flush() { flush_ = true; }
  bool over() const { return over_; }
  std::vector<Ended> take() { return std::exchange(ended_, {}); }
  const ChainSet& chains() const { return set_; }
  Source& source() { return *source_; }
  const ObserverCounters& counters() const { return observer_.counters(); }

 private:
  ObserverChains chains_;
  ChainSet set_;
  std::unique_ptr<Source> source_;
  std::vector<Ended> ended_;
  Observer observer_;
  bool over_ = false;
  std::atomic<bool> flush_ = false;
};

struct ObserverObject {
  PyObject_HEAD Run* run;
  RecordForm form;
  bool busy;
};
ObserverObject* observer_of(PyObject* self) { return reinterpret_cast<ObserverObject*>(self); }

PyObject* create(PyTypeObject* type, PyObject* arguments, PyObject* named) {
  static const char* names[] = {"source",    "chains", "idle_timeout", "expiry_timeout",
                                "functions", "filter", "aggregate",    nullptr};
  const char* source_name = nullptr;
  PyObject* specs = nullptr;
  double idle = 30, expiry = 5;
  int functions = 0, aggregate = 0;
  const char* filter = "";
  if (PyArg_ParseTupleAndKeywords(arguments, named, "sO|ddpsp", const_cast<char**>(names), &source_name,
                                  &specs, &idle, &expiry, &functions, &filter, &aggregate) == 0)
    return nullptr;
  const RecordForm form = functions != 0 ? RecordForm::functions : RecordForm::chains;
  ObserverChains chains;
  if (!read_chains(specs, form, chains)) return nullptr;
  auto set = ChainSet::make(chains.all);
  if (!set) return fail(PyExc_ValueError, set.error().message);
  constexpr double longest = 1e8;  // seconds; also what is no number is refused
  if (!(idle >= 0 && idle <= longest && expiry >= 0 && expiry <= longest))
    return fail(PyExc_ValueError, "a timeout is a number of seconds");
  ObserverOptions options;
  options.idle_timeout = std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(idle));
  options.expiry_timeout =
      std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(expiry));
  options.aggregate = aggregate != 0;
  SourceOptions source_options;
  source_options.filter = filter;
  const std::string name = source_name;  // the argument's text may go away meanwhile
  std::optional<Result<std::unique_ptr<Source>>> opened;
  Py_BEGIN_ALLOW_THREADS;  // a pipe waits for its writer
  opened.emplace(Source::open(name, source_options));
  Py_END_ALLOW_THREADS;
  auto& source = *opened;
  if (!source) return fail(PyExc_OSError, source.error().message);
  PyObject* made = type->tp_alloc(type, 0);
  if (made == nullptr) return nullptr;
  observer_of(made)->run = new Run(std::move(chains), std::move(*set), std::move(*source), options);
  observer_of(made)->form = form;
  return made;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete observer_of(self)->run;
  type->tp_free(self);
  Py_DECREF(type);
}

// False: it is running, and an exception is set.
bool enter(ObserverObject* self) {
  if (!self->busy) return true;
  return fail(PyExc_RuntimeError,
              "this observer is running, in another thread or with the hook that asks it");
}

std::optional<std::string> run_without_lock(ObserverObject* self, Clock::time_point until) {
  std::optional<std::string> problem;
  self->busy = true;
  Py_BEGIN_ALLOW_THREADS;
  try {
    self->run->go_on(until);
  } catch (const std::exception& raised) {
    problem = raised.what();
  }
  Py_END_ALLOW_THREADS;
  self->busy = false;
  return problem;
}

PyObject* next(PyObject* object, PyObject* argument) {
  ObserverObject* self = observer_of(object);
  const double seconds = PyFloat_AsDouble(argument);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (!enter(self)) return nullptr;
  const bool was_over = self->run->over();
  const auto wait = std::chrono::duration<double>(std::clamp(seconds, 0.0, 3600.0));
  const auto problem =
      run_without_lock(self, Clock::now() + std::chrono::duration_cast<Clock::duration>(wait));
  if (problem) return fail(PyExc_RuntimeError, *problem);
  if (was_over) Py_RETURN_NONE;
  Ref records(PyList_New(0));
  for (const Run::Ended& one : self->run->take()) {
    const Ref record(records ? new_record(self->run->chains(), one.states.get(), one.first, one.last,
                                          self->form, one.failed)
                             : nullptr);
    if (!record || PyList_Append(records.get(), record.get()) != 0) return nullptr;
  }
  return records.release();
}

PyObject* stop(PyObject* object, PyObject*) {
  observer_of(object)->run->source().stop();
  Py_RETURN_NONE;
}

PyObject* flush(PyObject* object, PyObject*) {
  observer_of(object)->run->flush();
  Py_RETURN_NONE;
}

PyObject* counters(PyObject* object, void*) {
  ObserverObject* self = observer_of(object);
  if (!enter(self)) return nullptr;
  const ObserverCounters& c = self->run->counters();
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  return Py_BuildValue("{sKsKsKsKsKsKsKsKsKsK}", "packets", number(c.packets), "dropped",
                       number(self->run->source().counters().kernel_dropped), "short",
                       number(c.short_packets), "malformed", number(c.malformed), "non_ip", number(c.non_ip),
                       "flows", number(c.flows), "ignored", number(c.ignored), "early", number(c.early),
                       "chain_failures", number(c.chain_failures), "chains_set_aside",
                       number(c.chains_set_aside));
}

PyObject* warnings(PyObject* object, void*) {
  Ref list(PyList_New(0));
  for (const std::string& one : observer_of(object)->run->source().warnings()) {
    const Ref text(PyUnicode_DecodeUTF8(one.data(), static_cast<Py_ssize_t>(one.size()), "replace"));
    if (!list || !text || PyList_Append(list.get(), text.get()) != 0) return nullptr;
  }
  return list.release();
}

PyMethodDef methods[] = {
    {"next", next, METH_O,
     "next(seconds): the records of flows that have ended, after at most so many seconds; None when there "
     "will be no more."},
    {"stop", stop, METH_NOARGS,
     "Makes the source end; what is known comes from next(). Any thread may call it."},
    {"flush", flush, METH_NOARGS,
     "Ends all flows before the next packet; their records come from next(). Any thread may call it."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef attributes[] = {
    {"counters", counters, nullptr, "what was seen and what became of it, a dict", nullptr},
    {"warnings", warnings, nullptr, "what a user should know of the source, lines of text", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyObject* find_default_interface(PyObject*, PyObject*) {
  const auto found = default_interface();
  return found ? PyUnicode_DecodeFSDefault(found->c_str()) : fail(PyExc_OSError, found.error().message);
}
PyMethodDef functions[] = {
    {"default_interface", find_default_interface, METH_NOARGS,
     "The interface of the default route; OSError: there is none."},
    {nullptr, nullptr, 0, nullptr},
};

bool add_observer_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(create)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_methods, methods},
      {Py_tp_getset, attributes},
      {Py_tp_doc, const_cast<char*>("Observer(source, chains, idle_timeout=30, expiry_timeout=5, "
                                    "functions=False, filter='', aggregate=False)")},
      {0, nullptr}};
  PyType_Spec spec = {"_spiderling.Observer", sizeof(ObserverObject), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return type && PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type.get())) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace

bool add_observer_types(PyObject* module) {
  return add_prefix_type(module) && add_dns_function(module) && add_header_types(module) &&
         add_flow_rec_type(module) && add_observer_type(module);
}

}  // namespace spiderling::python
