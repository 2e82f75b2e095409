// The kernel's network settings as they were found, for when somebody else's code may change any of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/undo.h"

namespace spiderling {

/// Every setting under net/ that can be read and written; of those that each interface has (conf/, neigh/)
/// only `all`, `default` and these interfaces'. In the order of a journal: what others follow from is last in
/// it, and so put back first. Secrets (keys) are left out, and so is what is longer than sysctls are read.
std::vector<Undo> found_settings(const std::vector<std::string>& interfaces,
                                 const std::filesystem::path& root = "/proc/sys");

}  // namespace spiderling
