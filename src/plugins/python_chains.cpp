#include "plugins/python_chains.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/nearest.h"
#include "plugins/python_door.h"

namespace spiderling {

namespace {

namespace fs = std::filesystem;

bool is_module_in(const fs::path& folder, const std::string& name) {
  std::error_code absent;
  return fs::is_regular_file(folder / (name + ".py"), absent) ||
         fs::is_regular_file(folder / name / "__init__.py", absent);
}

// A folder as `spiderling new` makes it: its files are the modules.
bool has_modules(const fs::path& folder) {
  std::error_code problem;
  fs::directory_iterator entry(folder, problem);
  for (const fs::directory_iterator end; !problem && entry != end; entry.increment(problem)) {
    if (entry->path().extension() == ".py") return true;
  }
  return false;
}

bool is_there(const std::string& module, const std::string& python_path) {
  if (is_module_in(fs::path("."), module) || has_modules(fs::path(".") / module)) return true;
  for (std::size_t begin = 0; begin < python_path.size();) {
    const std::size_t end = std::min(python_path.find(':', begin), python_path.size());
    if (end > begin && is_module_in(python_path.substr(begin, end - begin), module)) return true;
    begin = end + 1;
  }
  return false;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// MyChain is my, as PATHspider lists it.
bool is_called(const std::string& chain, const std::string& name) {
  const std::string known = lower(chain), wanted = lower(name);
  return wanted == known || wanted == known + "chain" || wanted + "chain" == known;
}

Result<std::vector<const ChainDescription*>> load(const PythonChainName& name) {
  const auto python = python_host();
  if (!python) return tl::unexpected(python.error());
  const auto chains = (*python)->load_chains(name.module);
  if (!chains) return error("{}: {}", name.module, chains.error().message);
  std::vector<std::string_view> names;
  for (const auto* chain : chains->usable) {
    if (!name.chain.empty() && is_called(chain->name, name.chain)) return std::vector{chain};
    names.emplace_back(chain->name);
  }
  // Of those that were not asked for it does not matter.
  for (const auto& [class_name, problem] : chains->unusable) {
    if (name.chain.empty() || is_called(class_name, name.chain)) return error("{}: {}", name.module, problem);
  }
  if (name.chain.empty()) return chains->usable;
  return error("{} has no chain '{}'; {}", name.module, name.chain, did_you_mean(name.chain, names));
}

}  // namespace

std::optional<PythonChainName> python_chain_name(const std::string& word, const std::string& python_path) {
  const auto colon = word.rfind(':');
  PythonChainName name{word.substr(0, colon), colon == std::string::npos ? "" : word.substr(colon + 1)};
  if (name.module.empty() || (colon != std::string::npos && name.chain.empty())) return std::nullopt;
  const bool says_python = colon != std::string::npos || name.module.find_first_of("./") != std::string::npos;
  if (says_python || is_there(name.module, python_path)) return name;
  return std::nullopt;
}

std::optional<Result<std::vector<const ChainDescription*>>> python_chains(const std::string& word) {
  const char* path = std::getenv("PYTHONPATH");
  const auto name = python_chain_name(word, path == nullptr ? "" : path);
  if (!name) return std::nullopt;
  return load(*name);
}

}  // namespace spiderling
