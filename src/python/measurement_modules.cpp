#include "python/measurement_modules.h"

#include <map>
#include <memory>
#include <stdexcept>

#include "python/spider_measurement.h"

namespace spiderling::python {

namespace {

// What the program is shown of a plugin, and the plugin itself: for as long as the process lives.
struct Known {
  explicit Known(Ref object) : plugin(std::move(object)) {
    description = {.name = plugin.name.c_str(),
                   .description = plugin.description.c_str(),
                   .version = plugin.version.c_str(),
                   .chains = {},
                   .connect_supported = plugin.modes,
                   .conditions = {},
                   .has_own_connect = true,
                   .create = [this] { return make_spider_measurement(plugin); }};
  }
  SpiderPlugin plugin;
  MeasurementDescription description{};
};

// By module and name, so that each is read once.
const MeasurementDescription* known(const Ref& object) {
  static auto& all = *new std::map<std::string, std::unique_ptr<Known>>;
  auto read = std::make_unique<Known>(object);
  const std::string key = read->plugin.module + ":" + read->plugin.name;
  return &all.try_emplace(key, std::move(read)).first->second->description;
}

// Before anybody else's: a folder pathspider/ of a user's with an __init__.py of its own, as a copy of
// PATHspider has it, adds its plugins to our package and does not hide it.
void import_ours_first() {
  PyObject* path = PySys_GetObject("path");  // borrowed
  if (packages_folder().empty() || path == nullptr) return;
  const Ref folder = python_text(packages_folder());
  if (PyList_Insert(path, 0, folder.get()) != 0) return PyErr_Clear();
  const Ref imported(PyImport_ImportModule("pathspider.plugins"));
  if (!imported) PyErr_Clear();  // it is said by whoever needs it
  if (PyList_Size(path) > 0 && PyList_GetItem(path, 0) == folder.get()) PySequence_DelItem(path, 0);
  PyErr_Clear();
}

Ref adapter() {
  import_ours_first();
  Ref module(PyImport_ImportModule("pathspider._measure"));
  if (!module) throw_exception();
  return module;
}

}  // namespace

std::shared_ptr<const MeasurementDescription> describe_measurement(const Ref& plugin) {
  const auto made = std::make_shared<const Known>(plugin);
  return {made, &made->description};
}

Result<const MeasurementDescription*> load_measurement(const std::string& name) {
  try {
    const Ref found = call_method(adapter().get(), "find_plugin", {python_text(name).get()});
    return found.get() == Py_None ? nullptr : known(found);
  } catch (const std::exception& problem) {
    return error("pathspider.plugins.{}: {}", name, problem.what());
  }
}

std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& problems) {
  std::vector<const MeasurementDescription*> measurements;
  try {
    const std::vector<Ref> both = items_in(call_method(adapter().get(), "all_plugins").get());
    for (const Ref& plugin : items_in(both.at(0).get())) {
      try {
        measurements.push_back(known(plugin));
      } catch (const std::exception& problem) {  // and the others are as good as they were
        problems.push_back(
            {fmt::format("{}: {}", text_of(attribute(plugin.get(), "module").get()), problem.what())});
      }
    }
    for (const Ref& problem : items_in(both.at(1).get())) {
      const std::vector<Ref> parts = items_in(problem.get());
      problems.push_back(
          {fmt::format("pathspider.plugins.{}: {}", text_in(parts.at(0).get()), text_in(parts.at(1).get()))});
    }
  } catch (const std::exception& problem) {
    problems.push_back({fmt::format("pathspider.plugins: {}", problem.what())});
  }
  return measurements;
}

}  // namespace spiderling::python
