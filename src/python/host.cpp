#include "python/host.h"

#include "python/chain_modules.h"
#include "python/chef_modules.h"
#include "python/hook_threads.h"
#include "python/measurement_modules.h"

namespace spiderling::python {

ChefModule Host::load_chef_module(const std::string& name) {
  const InterpreterLock lock;
  return python::load_chef_module(name);
}

Result<PythonChains> Host::load_chains(const std::string& module) {
  const InterpreterLock lock;
  return python::load_chains(module);
}

void Host::stop_chains() { end_hooks(); }

Result<const MeasurementDescription*> Host::load_measurement(const std::string& name) {
  const InterpreterLock lock;
  return python::load_measurement(name);
}

std::vector<const MeasurementDescription*> Host::all_measurements(std::vector<Error>& problems) {
  const InterpreterLock lock;
  return python::all_measurements(problems);
}

bool Host::end(std::chrono::milliseconds most) { return end_interpreter(most); }

}  // namespace spiderling::python
