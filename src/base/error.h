// Errors are values: what a hostile packet, a dead peer or a wrong argument can cause.
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace spiderling {

/// One line for a person: what is wrong and what to do about it. No trailing newline, no program name.
struct Error {
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return error("cannot open {}: {}", path, reason);` in a function that returns a Result.
template <class... Args>
tl::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace spiderling
