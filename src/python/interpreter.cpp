#include "python/interpreter.h"

#include <cstdlib>
#include <filesystem>

#include "base/leavable_thread.h"
#include "base/log.h"
#include "python/module.h"
#include "python/virtual_environment.h"

namespace spiderling::python {

namespace {

namespace fs = std::filesystem;

// A PyConfig that is freed, and the first thing that went wrong with it.
class Configuration {
 public:
  Configuration() { PyConfig_InitPythonConfig(&config_); }
  ~Configuration() { PyConfig_Clear(&config_); }
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  PyConfig& operator*() { return config_; }
  PyConfig* operator->() { return &config_; }

  void set(wchar_t*& field, const std::string& value) {
    note(PyConfig_SetBytesString(&config_, &field, value.c_str()));
  }
  void note(PyStatus status) {
    if (PyStatus_Exception(status_) == 0) status_ = status;
  }
  PyStatus status() const { return status_; }

 private:
  PyConfig config_{};
  PyStatus status_ = PyStatus_Ok();
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Ours come behind the user's, and before those that are installed.
std::string search_path(const PythonFolders& folders) {
  const std::string users = environment("PYTHONPATH");
  return users.empty() ? folders.packages.string() : users + ":" + folders.packages.string();
}

std::string& packages() {
  static auto& folder = *new std::string;
  return folder;
}

Result<void> initialize(const PythonFolders& folders) {
  if (PyImport_AppendInittab("_spiderling", PyInit__spiderling) != 0)
    return error("Python cannot start: out of memory");
  Configuration config;
  config->isolated = 0;
  config->use_environment = 1;
  config->install_signal_handlers = 0;
  config->parse_argv = 0;
  config->user_site_directory = 1;
  config.set(config->program_name, "/usr/bin/python3");
  config.set(config->pythonpath_env, search_path(folders));
  if (PyStatus_Exception(config.status()) == 0) config.note(Py_InitializeFromConfig(&*config));
  if (PyStatus_Exception(config.status()) == 0) return {};
  const char* problem = config.status().err_msg;
  return error("Python {} cannot start: {}", python_version(), problem == nullptr ? "unknown" : problem);
}

// What `python3 -c` does by itself: after the start, so that no file of this folder takes part in it.
void put_current_folder_first() {
  std::error_code ignored;
  const fs::path folder = fs::current_path(ignored);
  PyObject* path = PySys_GetObject("path");  // borrowed
  if (folder.empty() || path == nullptr) return;
  PyObject* entry = PyUnicode_DecodeFSDefault(folder.c_str());
  if (entry == nullptr || PyList_Insert(path, 0, entry) != 0) PyErr_Clear();
  Py_XDECREF(entry);
}

// Standard output is for records, dumplings and results: a line of a plugin's own would be one too many, or
// stand in the middle of another.
void print_to_standard_error() {
  PyObject* stream = PySys_GetObject("stderr");  // borrowed
  if (stream == nullptr || PySys_SetObject("stdout", stream) != 0) PyErr_Clear();
}

void add_site_packages(const fs::path& folder) {
  PyObject* site = PyImport_ImportModule("site");
  PyObject* done = site == nullptr ? nullptr : PyObject_CallMethod(site, "addsitedir", "s", folder.c_str());
  if (done == nullptr) PyErr_Print();
  Py_XDECREF(done);
  Py_XDECREF(site);
}

void call(const char* module, const char* function) {
  PyObject* imported = PyImport_ImportModule(module);
  PyObject* done = imported == nullptr ? nullptr : PyObject_CallMethod(imported, function, nullptr);
  if (done == nullptr) PyErr_Print();
  Py_XDECREF(done);
  Py_XDECREF(imported);
}

void flush(const char* stream) {
  PyObject* file = PySys_GetObject(stream);  // borrowed
  if (file == nullptr || file == Py_None) return;
  PyObject* done = PyObject_CallMethod(file, "flush", nullptr);
  if (done == nullptr) PyErr_Clear();
  Py_XDECREF(done);
}

// Threads that are no daemons are waited for, but not the one that started Python, which waits for us.
void join_threads() {
  if (PyDict_GetItemString(PyImport_GetModuleDict(), "threading") == nullptr)
    return;  // nobody has started any
  if (PyRun_SimpleString("import threading\n"
                         "threading._shutdown_locks.discard(threading.main_thread()._tstate_lock)\n"
                         "threading._shutdown()\n") != 0)
    PyErr_Clear();
}

void end_as_python_does() {
  const InterpreterLock lock;
  join_threads();
  call("atexit", "_run_exitfuncs");
  flush("stdout");
  flush("stderr");
}

}  // namespace

const std::string& packages_folder() { return packages(); }

std::string python_version() { return fmt::format("{}.{}", PY_MAJOR_VERSION, PY_MINOR_VERSION); }

Result<void> start_interpreter(const PythonFolders& folders) {
  const auto virtual_environment = find_virtual_environment(environment("VIRTUAL_ENV"), python_version());
  if (!virtual_environment) return tl::unexpected(virtual_environment.error());
  if (auto started = initialize(folders); !started) return started;
  packages() = folders.packages.string();
  if (*virtual_environment) add_site_packages(**virtual_environment);
  if (folders.current_folder) put_current_folder_first();
  print_to_standard_error();
  PyEval_SaveThread();
  return {};
}

// In a thread of its own, since none of it can be interrupted: a thread that is left behind may hold the
// interpreter's lock for ever.
bool end_interpreter(std::chrono::milliseconds most) {
  const LeavableThread ending(end_as_python_does);
  return ending.wait(most);
}

}  // namespace spiderling::python
