// What the program asks of Python.
#pragma once

#include "plugins/python_door.h"
#include "python/interpreter.h"

namespace spiderling::python {

/// One a process, never destroyed. Each function takes the interpreter's lock for itself.
class Host : public PythonHost {
 public:
  ChefModule load_chef_module(const std::string& name) override;
  Result<PythonChains> load_chains(const std::string& module) override;
  void stop_chains() override;
  Result<const MeasurementDescription*> load_measurement(const std::string& name) override;
  std::vector<const MeasurementDescription*> all_measurements(std::vector<Error>& problems) override;
  bool end(std::chrono::milliseconds most) override;
};

}  // namespace spiderling::python
