// gzip, zstd and bzip2, one step at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace spiderling {

/// Undoes one kind of compression. Several members (gzip), frames (zstd) or streams (bzip2) after one another
/// are one run of bytes.
class Unpacker {
 public:
  struct Step {
    std::size_t used = 0;  ///< bytes of `packed`
    std::size_t made = 0;  ///< bytes of `room`
    std::string damage;    ///< if it cannot go on; what was made is good
  };

  /// Chosen by the first bytes of a file. nullptr: not packed. An error for a kind that is not known here.
  static Result<std::unique_ptr<Unpacker>> choose(std::span<const std::uint8_t> head,
                                                  const std::string& path);

  virtual ~Unpacker() = default;

  /// Goes on; with both sides non-empty, at least a byte moves. `packed` may be empty, to get what did not
  /// fit before.
  virtual Step unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> room) = 0;
  /// True where the file may end.
  virtual bool complete() const = 0;
};

}  // namespace spiderling
