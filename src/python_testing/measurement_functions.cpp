#include "python_testing/measurement_functions.h"

#include <exception>
#include <stdexcept>
#include <string>

#include <boost/json/serialize.hpp>

#include "python/measurement_modules.h"
#include "python/spider_plugin.h"
#include "python_testing/fake_targets.h"
#include "python_testing/packets_object.h"
#include "testing/finder.h"

namespace spiderling::python {

namespace {

using testing::MeasurementTest;

constexpr PluginList no_plugins{nullptr, nullptr};
constexpr double most_timeout = 3600;  // seconds

// Of a Plugin of pathspider/_measure.py, or by the name of one that ships.
std::shared_ptr<const MeasurementDescription> description_of(PyObject* plugin) {
  if (PyUnicode_Check(plugin))
    return {std::shared_ptr<void>(), &testing::find_measurement(text_of(plugin), no_plugins)};
  return describe_measurement(Ref::borrowed(plugin));
}

std::vector<std::string> texts_in(PyObject* sequence) {
  std::vector<std::string> texts;
  for (const Ref& one : items_in(sequence)) texts.push_back(text_in(one.get()));
  return texts;
}

ConnectMode mode_named(const std::string& name) {
  for (const ConnectMode mode : {ConnectMode::tcp, ConnectMode::http, ConnectMode::https, ConnectMode::dnstcp,
                                 ConnectMode::dnsudp, ConnectMode::tcpsyn}) {
    if (name == name_of(mode)) return mode;
  }
  throw std::invalid_argument("there is no way to connect called " + name);
}

// Its functions, and threads of its own, want the lock.
template <class Function>
void without_lock(Function&& function) {
  std::exception_ptr problem;
  Py_BEGIN_ALLOW_THREADS;
  try {
    function();
  } catch (...) {
    problem = std::current_exception();
  }
  Py_END_ALLOW_THREADS;
  if (problem != nullptr) std::rethrow_exception(problem);
}

Ref list_of(const std::vector<std::string>& texts) {
  Ref list(PyList_New(0));
  for (const std::string& one : texts) {
    if (!list || PyList_Append(list.get(), python_text(one).get()) != 0) throw_exception();
  }
  return list;
}

PyObject* run_measurement(PyObject*, PyObject* arguments) {
  PyObject *plugin = nullptr, *words = nullptr, *targets = nullptr, *setups = nullptr;
  const char* mode = nullptr;
  Py_ssize_t attempts = 0;
  double timeout = 0;
  if (PyArg_ParseTuple(arguments, "OOO!Oznd", &plugin, &words, &PyDict_Type, &targets, &setups, &mode,
                       &attempts, &timeout) == 0)
    return nullptr;
  try {
    const auto description = description_of(plugin);
    const std::vector<std::string> options = texts_in(words);
    testing::FakeRunOptions how;
    if (mode != nullptr) how.mode = mode_named(mode);
    how.setups = setups_in(setups);
    if (attempts < 1) throw std::invalid_argument("attempts: at least one");
    how.attempts = static_cast<std::size_t>(attempts);
    if (!(timeout > 0 && timeout <= most_timeout))
      throw std::invalid_argument(fmt::format("timeout: seconds, up to {}", most_timeout));
    how.timeout = std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(timeout));
    testing::FakeNetwork network = network_in(targets);
    std::map<std::string, testing::TargetResult, std::less<>> results;
    without_lock([&] {
      MeasurementTest test(*description, no_plugins);
      results = test.options(options).run(network, how);
      network.clear();
    });
    Ref all(PyDict_New());
    for (const auto& [name, result] : results) {
      const Ref one(Py_BuildValue("NN", list_of(result.conditions).release(),
                                  python_text(boost::json::serialize(result.json)).release()));
      if (!one || PyDict_SetItem(all.get(), python_text(name).get(), one.get()) != 0) return nullptr;
    }
    return all.release();
  } catch (...) {
    return raise_current();
  }
}

PyObject* told_conditions(PyObject*, PyObject* arguments) {
  PyObject *plugin = nullptr, *words = nullptr, *connections = nullptr;
  if (PyArg_ParseTuple(arguments, "OOO", &plugin, &words, &connections) == 0) return nullptr;
  try {
    const auto description = description_of(plugin);
    const std::vector<std::string> options = texts_in(words);
    const std::vector<testing::ToldConnection> told = told_in(connections);
    std::vector<std::string> conditions;
    without_lock([&] {
      MeasurementTest test(*description, no_plugins);
      conditions = test.options(options).conditions(told);
    });
    return list_of(conditions).release();
  } catch (...) {
    return raise_current();
  }
}

PyMethodDef functions[] = {
    {"run_measurement", run_measurement, METH_VARARGS,
     "run_measurement(plugin, words, targets, setups, mode, attempts, timeout): {target: (conditions, result "
     "as "
     "JSON)}"},
    {"told_conditions", told_conditions, METH_VARARGS,
     "told_conditions(plugin, words, connections): the conditions."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_measurement_functions(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace spiderling::python
