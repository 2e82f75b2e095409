#include "host/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace spiderling {
namespace {

constexpr std::size_t longest_name = 128;
constexpr std::size_t longest_value = 4096;  // the kernel gives no more at once

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '/';
}

tl::unexpected<Error> failure(const char* verb, const std::string& name, int reason) {
  if (reason == ENOENT) return error("cannot {} {}: this kernel has no such setting", verb, name);
  return error("cannot {} {}: {}", verb, name, std::strerror(reason));
}

}  // namespace

bool is_sysctl_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name) return false;
  if (name.find("..") != std::string_view::npos || name.find("//") != std::string_view::npos) return false;
  if (name.find("./") != std::string_view::npos || name.find("/.") != std::string_view::npos) return false;
  const auto is_dot = [](char c) { return c == '.' || c == '/'; };
  return !is_dot(name.front()) && !is_dot(name.back()) && std::ranges::all_of(name, is_name_character);
}

std::string with_single_blanks(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (!is_blank(c))
      result += c;
    else if (!result.empty() && result.back() != ' ')
      result += ' ';
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

Result<std::filesystem::path> ProcSysctls::path_of(const std::string& name) const {
  if (!is_sysctl_name(name)) return error("'{}' is not the name of a kernel setting", name);
  std::string relative = name;
  for (char& c : relative) {
    if (c == '.')
      c = '/';
    else if (c == '/')
      c = '.';
  }
  return root_ / relative;
}

Result<std::string> ProcSysctls::read(const std::string& name) {
  const auto path = path_of(name);
  if (!path) return tl::unexpected(path.error());
  const int file = ::open(path->c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failure("read", name, errno);
  std::array<char, longest_value> buffer;
  const ssize_t got = ::read(file, buffer.data(), buffer.size());
  const int reason = errno;
  ::close(file);
  if (got < 0) return failure("read", name, reason);
  return with_single_blanks({buffer.data(), static_cast<std::size_t>(got)});
}

Result<void> ProcSysctls::write(const std::string& name, const std::string& value) {
  const auto path = path_of(name);
  if (!path) return tl::unexpected(path.error());
  if (value.size() > longest_value) return error("the value for {} is too long", name);
  const int file = ::open(path->c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return failure("write", name, errno);
  const std::string line = value + "\n";  // in one write: the kernel takes each for a value of its own
  const ssize_t put = ::write(file, line.data(), line.size());
  const int reason = errno;
  ::close(file);
  if (put < 0) return failure("write", name, reason);
  return {};
}

}  // namespace spiderling
