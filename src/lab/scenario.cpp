#include "lab/scenario.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/nearest.h"

namespace spiderling::lab {
namespace {

constexpr std::size_t longest_file = 1 << 20;
constexpr std::size_t longest_name = 40;

bool is_path(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.ends_with(".toml");
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return error("cannot read {}: {}", path, std::strerror(errno));
  std::string text(longest_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return error("cannot read {}: {}", path, std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > longest_file) return error("{} is longer than 1 MiB: no scenario", path);
  return text;
}

}  // namespace

std::uint64_t Scenario::targets() const {
  std::uint64_t sum = 0;
  for (const Host& host : hosts) sum += std::uint64_t{host.count} * (host.ipv4 + host.ipv6);
  return sum;
}

Result<void> Scenario::multiply(std::uint32_t times) {
  for (Host& host : hosts) {
    const std::uint64_t count = std::uint64_t{host.count} * times;
    if (count > max_count)
      return error("host '{}' of scenario '{}' would have {} targets; {} are possible", host.name, name,
                   count, max_count);
    host.count = static_cast<std::uint32_t>(count);
  }
  return {};
}

bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= longest_name && std::ranges::all_of(name, plain);
}

Result<Scenario> load_scenario(const std::string& name_or_path) {
  if (is_path(name_or_path)) {
    const auto text = read_file(name_or_path);
    if (!text) return tl::unexpected(text.error());
    return parse_scenario(*text, name_or_path);
  }
  std::vector<std::string_view> names;
  for (const ShippedScenario& shipped : shipped_scenarios()) {
    if (shipped.name == name_or_path)
      return parse_scenario(shipped.toml, fmt::format("{}.toml", shipped.name));
    names.push_back(shipped.name);
  }
  return error("there is no scenario '{}'; {} (or give the path of your own file)", name_or_path,
               did_you_mean(name_or_path, names));
}

}  // namespace spiderling::lab
