#include "python/virtual_environment.h"

#include <fstream>

#include "base/log.h"

namespace spiderling::python {

namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

// The value of `version` (venv) or `version_info` (virtualenv) in a pyvenv.cfg, "3.11.2"; empty if it does
// not say.
std::string version_of(std::ifstream& file) {
  constexpr int most_lines = 1000;
  std::string line;
  for (int i = 0; i < most_lines && std::getline(file, line); ++i) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = trimmed(std::string_view(line).substr(0, equals));
    if (key == "version" || key == "version_info") return trimmed(std::string_view(line).substr(equals + 1));
  }
  return {};
}

}  // namespace

Result<std::optional<std::filesystem::path>> find_virtual_environment(const std::string& folder,
                                                                      const std::string& version) {
  if (folder.empty()) return std::nullopt;
  const std::filesystem::path root(folder);
  std::ifstream file(root / "pyvenv.cfg");
  if (!file) {
    log::warning("VIRTUAL_ENV names no virtual environment; it is passed over", {{"folder", folder}});
    return std::nullopt;
  }
  const std::string its_version = version_of(file);
  if (its_version != version && !its_version.starts_with(version + ".")) {
    return error(
        "the virtual environment {} (VIRTUAL_ENV) is one of Python {}, and plugins run in Python {} here: "
        "make one with /usr/bin/python3 -m venv, or unset VIRTUAL_ENV",
        folder, its_version.empty() ? "of unknown version" : its_version, version);
  }
  return root / "lib" / ("python" + version) / "site-packages";
}

}  // namespace spiderling::python
