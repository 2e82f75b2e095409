// The native half of python/spiderling/testing.py.
#include "python/module.h"

#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "python/chef_modules.h"
#include "python/payload_text.h"
#include "python/ref.h"
#include "python/turn.h"
#include "python_testing/measurement_functions.h"
#include "python_testing/packets_object.h"
#include "spiderling/testing/lab.h"
#include "testing/chef_lines.h"
#include "testing/finder.h"

namespace spiderling::python {

namespace {

// A class of Python's, or the name of a chef that ships. nullptr: a Python exception is set.
std::shared_ptr<const ChefDescription> chef_in(PyObject* chef, PyObject* base) {
  if (PyType_Check(chef)) return describe_chef(chef, base);
  if (PyUnicode_Check(chef)) {
    try {
      return {std::shared_ptr<void>(), &testing::find_chef(text_of(chef), {nullptr, nullptr})};
    } catch (...) {
      raise_current();
      return nullptr;
    }
  }
  fail(PyExc_TypeError, "a chef is a class that derives from DumplingChef, or the name of one that ships");
  return nullptr;
}

PyObject* text(const std::string& in_utf8) {
  return PyUnicode_DecodeUTF8(in_utf8.data(), static_cast<Py_ssize_t>(in_utf8.size()), "replace");
}

PyObject* raise(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (...) {
    return raise_current();
  }
}

PyObject* run_chef(PyObject*, PyObject* arguments) {
  PyObject *chef = nullptr, *base = nullptr, *given = nullptr;
  const char* kitchen = nullptr;
  double poke_interval = 0;
  if (PyArg_ParseTuple(arguments, "OOOsd", &chef, &base, &given, &kitchen, &poke_interval) == 0)
    return nullptr;
  constexpr double longest = 1e8;
  if (!(poke_interval > 0 && poke_interval <= longest))
    return fail(PyExc_ValueError, "poke_interval is a number of seconds, more than 0");
  const testing::Packets* const packets = packets_in(given);
  const auto description = packets != nullptr ? chef_in(chef, base) : nullptr;
  if (description == nullptr) return nullptr;
  const testing::ChefOptions options{.kitchen = kitchen,
                                     .poke_interval = std::chrono::round<std::chrono::nanoseconds>(
                                         std::chrono::duration<double>(poke_interval))};
  testing::ChefLines made;
  std::exception_ptr problem;
  Py_BEGIN_ALLOW_THREADS;  // the chef's own thread wants it
  try {
    made = testing::run_chef_lines(*description, *packets, options);
  } catch (...) {
    problem = std::current_exception();
  }
  Py_END_ALLOW_THREADS;
  if (problem != nullptr) return raise(problem);
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  return Py_BuildValue("NKKKK", text(made.lines), number(made.counters.failures),
                       number(made.counters.dumplings.unwritable), number(made.counters.forgotten),
                       number(made.counters.left_behind));
}

PyObject* check_in_lab(PyObject*, PyObject* arguments) {
  const char* scenario = nullptr;
  PyObject* given = nullptr;
  if (PyArg_ParseTuple(arguments, "sO!", &scenario, &PyTuple_Type, &given) == 0) return nullptr;
  const std::string file = scenario;
  std::vector<std::string> more;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(given); ++i)
    more.push_back(text_of(PyTuple_GET_ITEM(given, i)));
  testing::LabVerdict verdict;
  std::exception_ptr problem;
  Py_BEGIN_ALLOW_THREADS;
  try {
    verdict = testing::check_in_lab(file, more);
  } catch (...) {
    problem = std::current_exception();
  }
  Py_END_ALLOW_THREADS;
  if (problem != nullptr) return raise(problem);
  return Py_BuildValue("NON", text(verdict.skipped), verdict.all_right ? Py_True : Py_False,
                       text(verdict.report));
}

PyObject* payload_problem(PyObject*, PyObject* payload) {
  std::string ignored;
  const std::string problem = append_payload_text(ignored, payload_encoder().get(), payload);
  return text(problem);
}

// Registered with atexit: threads of chefs and spiders end on their own after a run, if their plugin lets
// them.
PyObject* wait_for_own_threads(PyObject*, PyObject*) {
  constexpr std::chrono::seconds patience(2);
  const auto end = std::chrono::steady_clock::now() + patience;
  Py_BEGIN_ALLOW_THREADS;
  while (OwnThread::count() > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_wait_for_own_threads", wait_for_own_threads, METH_NOARGS,
     "Until no thread of ours is left that Python knows, a while at most."},
    {"run_chef", run_chef, METH_VARARGS,
     "run_chef(chef, DumplingChef, packets, kitchen, poke_interval): (lines of dumplings, failures, "
     "unsayable, "
     "forgotten, left behind)"},
    {"check_in_lab", check_in_lab, METH_VARARGS,
     "check_in_lab(scenario, words): (why it was skipped, all right, report)"},
    {"payload_problem", payload_problem, METH_O,
     "What a kitchen would say against this payload of a dumpling; empty: nothing."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_testing_types(PyObject* module) {
  if (!add_packets_type(module) || !add_measurement_functions(module) ||
      PyModule_AddFunctions(module, functions) != 0)
    return false;
  const Ref exits(PyImport_ImportModule("atexit"));
  const Ref wait(PyObject_GetAttrString(module, "_wait_for_own_threads"));
  const Ref done(exits && wait ? PyObject_CallMethod(exits.get(), "register", "O", wait.get()) : nullptr);
  return static_cast<bool>(done);
}

}  // namespace spiderling::python
