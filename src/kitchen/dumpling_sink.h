// Where dumplings go from the one that made them.
#pragma once

#include <cstddef>
#include <string_view>

namespace spiderling {

/// Takes dumplings: sends them to a hub, or writes them down. Used by one thread.
class DumplingSink {
 public:
  virtual ~DumplingSink() = default;
  /// `lines`: whole dumplings, each a JSON text and a newline; `count` of them. False: no more is wanted, now
  /// or later.
  virtual bool put(std::string_view lines, std::size_t count) = 0;
};

}  // namespace spiderling
