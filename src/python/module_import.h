// Users' modules, by name or by path.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "python/ref.h"

namespace spiderling::python {

/// Names that a module finds defined before its first line runs, unless it defines them itself.
using Names = std::vector<std::pair<const char*, Ref>>;

/// The module that `name` says: "package.module", or the path of a .py file; or all .py files of a folder but
/// for tests (test_*.py, *_test.py), in the order of their names (a folder with an __init__.py is one module:
/// the package). A module that was imported before is the same one. Error: Python's own words; with several
/// files those of the first that failed. With the interpreter's lock.
Result<std::vector<Ref>> import_modules(const std::string& name, const Names& given);

}  // namespace spiderling::python
