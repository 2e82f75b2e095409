// Chains that are written in Python.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/chain.h"

namespace spiderling::python {

/// See PythonHost::load_chains(). With the interpreter's lock.
Result<std::vector<const ChainDescription*>> load_chains(const std::string& module);

}  // namespace spiderling::python
