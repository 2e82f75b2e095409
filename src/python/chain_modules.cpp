#include "python/chain_modules.h"

namespace spiderling::python {

Result<std::vector<const ChainDescription*>> load_chains(const std::string& module) {
  return error("{}: this program has no chains in Python", module);
}

}  // namespace spiderling::python
