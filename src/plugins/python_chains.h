// Chains that are written in Python, by what a user calls them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/chain.h"

namespace spiderling {

/// What a user's word says of a chain in Python:
///
///     mychain                    module mychain, all of its chain classes
///     mychain                    folder mychain/ of the current one: those of its .py files but tests
///     mychain:MyChain            one of them; also by its short name, my
///     path/to/mychain.py[:...]   the same of a file
///     pathspider.chains.tcp      a module of a package
struct PythonChainName {
  std::string module;
  std::string chain;  ///< empty: all
};

/// nullopt: it is no such word, or a plain one, and there is no such file in the current folder or on
/// PYTHONPATH, and no such folder with .py files in the current one. `python_path` as the variable has it.
std::optional<PythonChainName> python_chain_name(const std::string& word, const std::string& python_path);

/// The chains that a word says; nullopt: python_chain_name() is. Starts Python if it does not run yet. Error:
/// what Python says of the module, or it has no such chain.
std::optional<Result<std::vector<const ChainDescription*>>> python_chains(const std::string& word);

}  // namespace spiderling
