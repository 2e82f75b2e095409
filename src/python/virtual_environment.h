// Python's virtual environments, as far as they concern an interpreter that is not started from one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"

namespace spiderling::python {

/// The site-packages folder of the virtual environment in `folder`, what VIRTUAL_ENV says; nullopt if that is
/// empty, or names none. Error: it was made for another Python than `version` ("3.11"), whose packages must
/// not be mixed with ours.
Result<std::optional<std::filesystem::path>> find_virtual_environment(const std::string& folder,
                                                                      const std::string& version);

}  // namespace spiderling::python
