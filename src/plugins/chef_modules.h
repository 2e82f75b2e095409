// Chefs by module, as netdumplings names them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "plugins/registry.h"
#include "spiderling/chef.h"

namespace spiderling {

/// The module of the chefs that are linked into this program: the original's name for those that came with
/// it.
inline constexpr std::string_view builtin_chef_module = "netdumplings.dumplingchefs";

/// What a --chef-module names, and the chefs found in it, sorted by name.
struct ChefModule {
  std::string name;
  std::vector<const ChefDescription*> chefs;
  std::string problem;  ///< why there are none; empty: it was loaded
};

/// `name`: builtin_chef_module; the path of a shared object (it ends in .so, or has a slash and is no folder
/// and no .py), or the name of one in the current folder or in `folders` (NAME.so, libNAME.so); else a module
/// of Python: its name, a path ending in .py, or a folder with such files. What was loaded stays loaded as
/// long as the program runs. Whoever names one runs its code.
ChefModule load_chef_module(const std::string& name, const std::vector<std::string>& folders = {});

/// The chefs that there are if nobody names a module: those that are linked in, and of each file of the
/// plugin folders its own, by the file's name.
std::vector<ChefModule> usual_chef_modules(const Registry& registry);

/// A chef to take on.
struct ChosenChef {
  std::string module;
  const ChefDescription* chef;
  std::string full_name() const { return module + "." + chef->name; }
};

/// The chefs of these modules with these names ("ARPChef", or with their module before it); all without a
/// name. Chefs that no kitchen may take on are left out, and named in `left_out`. Error: a module that cannot
/// be loaded, a chef that none of them has, no chef at all, or two of one name.
Result<std::vector<ChosenChef>> choose_chefs(const std::vector<ChefModule>& modules,
                                             const std::vector<std::string>& names,
                                             std::vector<std::string>& left_out);

}  // namespace spiderling
