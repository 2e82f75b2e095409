#include "python/module_import.h"

#include <algorithm>
#include <filesystem>

#include "base/log.h"

namespace spiderling::python {

namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> raised(const std::string& module) {
  const RaisedException exception = take_exception();
  log::debug("a module cannot be imported", {{"module", module}, {"traceback", exception.traceback}});
  return tl::unexpected(Error{exception.text});
}

// "~/my_chefs.py", which a shell has not opened up where it is quoted.
fs::path opened_up(const std::string& path) {
  const char* home = std::getenv("HOME");
  if (path.starts_with("~/") && home != nullptr) return fs::path(home) / path.substr(2);
  return path;
}

// importlib.util.spec_from_file_location(), or find_spec(), which imports the packages that the module is in.
Ref spec_of(const std::string& name, const fs::path& file) {
  const Ref util(PyImport_ImportModule("importlib.util"));
  if (!util) return {};
  if (file.empty()) return Ref(PyObject_CallMethod(util.get(), "find_spec", "s", name.c_str()));
  const Ref path(PyUnicode_DecodeFSDefault(file.c_str()));
  if (!path) return {};
  return Ref(PyObject_CallMethod(util.get(), "spec_from_file_location", "sO", name.c_str(), path.get()));
}

bool define(PyObject* module, const Names& given) {
  return std::ranges::all_of(given, [&](const auto& one) {
    return PyObject_SetAttrString(module, one.first, one.second.get()) == 0;
  });
}

// What `import` does once it has found the module.
Ref run_module(const std::string& name, PyObject* spec, const Names& given) {
  const Ref util(PyImport_ImportModule("importlib.util"));
  const Ref module(util ? PyObject_CallMethod(util.get(), "module_from_spec", "O", spec) : nullptr);
  if (!module || !define(module.get(), given)) return {};
  PyObject* loaded = PyImport_GetModuleDict();  // borrowed
  if (PyDict_SetItemString(loaded, name.c_str(), module.get()) != 0) return {};
  const Ref loader = attribute(spec, "loader");
  const Ref done(PyObject_CallMethod(loader.get(), "exec_module", "O", module.get()));
  if (done) return Ref::borrowed(PyDict_GetItemString(loaded, name.c_str()));
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (PyDict_DelItemString(loaded, name.c_str()) != 0) PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  return {};
}

// Nothing: it is a folder, without modules of its own.
Result<Ref> import_one(const std::string& name, const fs::path& file, const Names& given) {
  if (PyObject* loaded = PyDict_GetItemString(PyImport_GetModuleDict(), name.c_str()))
    return Ref::borrowed(loaded);
  const Ref spec = spec_of(name, file);
  if (!spec) return raised(name);
  if (spec.get() == Py_None) return error("No module named '{}'", name);
  const Ref loader = attribute(spec.get(), "loader");
  if (!loader || loader.get() == Py_None) return Ref();
  Ref module = run_module(name, spec.get(), given);
  if (!module) return raised(name);
  return module;
}

// A file's module is called after it, as if its folder were searched, unless another one has that name
// already.
std::string name_for(const fs::path& file) {
  const std::string stem = file.filename() == "__init__.py" ? file.parent_path().filename() : file.stem();
  PyObject* loaded = PyDict_GetItemString(PyImport_GetModuleDict(), stem.c_str());
  if (loaded == nullptr) return stem;
  const Ref its_file = attribute(loaded, "__file__");
  return its_file && text_of(its_file.get()) == file.string() ? stem : file.string();
}

// By its name, as pytest knows it.
bool is_test(const fs::path& file) {
  const std::string name = file.filename();
  return name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py";
}

// Their tests stand beside them.
Result<std::vector<fs::path>> files_of(const fs::path& folder) {
  if (fs::exists(folder / "__init__.py")) return std::vector{folder / "__init__.py"};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".py" && !is_test(entry.path())) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty()) return error("there is no .py file in this folder");
  return files;
}

// Files of one folder may import each other.
void search_folder_too(const fs::path& folder) {
  PyObject* path = PySys_GetObject("path");  // borrowed
  const Ref entry(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (path == nullptr || !entry || PySequence_Contains(path, entry.get()) != 0 ||
      PyList_Append(path, entry.get()) != 0)
    PyErr_Clear();
}

Result<std::vector<Ref>> import_files(const fs::path& path, const Names& given) {
  std::vector<fs::path> files{path};
  if (fs::is_directory(path)) {
    const auto found = files_of(path);
    if (!found) return tl::unexpected(found.error());
    files = *found;
    search_folder_too(path);
  }
  std::vector<Ref> modules;
  for (const fs::path& file : files) {
    auto module = import_one(name_for(file), file, given);
    if (!module && files.size() > 1) return error("{}: {}", file.filename().string(), module.error().message);
    if (!module) return tl::unexpected(module.error());
    modules.push_back(std::move(*module));
  }
  return modules;
}

bool is_path(const std::string& name) {
  return name.ends_with(".py") || name.find('/') != std::string::npos || name == "." || name == "..";
}

Result<std::vector<Ref>> import_path(const std::string& name, const Names& given) {
  std::error_code problem;
  const fs::path path = fs::absolute(opened_up(name), problem).lexically_normal();
  if (problem) return error("{}", problem.message());
  try {
    return import_files(path, given);
  } catch (const fs::filesystem_error& failed) {
    return error("{}", failed.code().message());
  }
}

}  // namespace

Result<std::vector<Ref>> import_modules(const std::string& name, const Names& given) {
  if (is_path(name)) return import_path(name, given);
  auto module = import_one(name, {}, given);
  if (!module) return tl::unexpected(module.error());
  std::error_code none;
  if (!*module && fs::is_directory(name, none)) return import_path(name, given);
  if (!*module) return error("'{}' is a folder without modules of its own", name);
  return std::vector<Ref>{std::move(*module)};
}

}  // namespace spiderling::python
