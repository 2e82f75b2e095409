// Options of measurements that expand jobs: who is asked for names, and where what came to nothing goes.
#pragma once

#include <string>
#include <vector>

#include "connect/name_resolver.h"

namespace CLI {
class App;
}

namespace spiderling::app {

struct ExpandOptions {
  std::vector<std::string> resolvers;  ///< ResolverAddress as text, checked; empty: the system's
  unsigned tries = 3;
  std::string unresolved;  ///< a file; empty: none
};

void add_expand_options(CLI::App& command, ExpandOptions& options);

}  // namespace spiderling::app
