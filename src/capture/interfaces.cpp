#include "capture/interfaces.h"

#include <net/if.h>
#include <net/route.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

namespace spiderling {
namespace {

// "thread-self": that of the calling thread, which may be in another network namespace than the process.
std::string read_file(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

struct Best {
  std::string name;
  std::uint64_t metric = std::numeric_limits<std::uint64_t>::max();

  void offer(const std::string& candidate, std::uint64_t candidate_metric) {
    if (candidate_metric >= metric) return;
    name = candidate;
    metric = candidate_metric;
  }
};

/// Digits that the kernel printed; 0 for anything else.
std::uint64_t number(const std::string& digits, int base) {
  return std::strtoull(digits.c_str(), nullptr, base);
}

bool usable(std::uint64_t flags) { return (flags & RTF_UP) != 0 && (flags & RTF_REJECT) == 0; }

}  // namespace

// Columns: interface, destination, gateway, flags, references, use, metric (decimal), mask, ...; a line of
// headings.
std::string default_interface_v4(std::string_view routes) {
  std::istringstream lines{std::string(routes)};
  Best best;
  for (std::string line; std::getline(lines, line);) {
    const auto column = words(line);
    if (column.size() < 8 || column[1] != "00000000" || column[7] != "00000000") continue;
    if (usable(number(column[3], 16))) best.offer(column[0], number(column[6], 10));
  }
  return best.name;
}

// Columns, all hexadecimal: destination, prefix length, source, its length, next hop, metric, references,
// use, flags, interface.
std::string default_interface_v6(std::string_view routes) {
  std::istringstream lines{std::string(routes)};
  Best best;
  for (std::string line; std::getline(lines, line);) {
    const auto column = words(line);
    if (column.size() < 10 || column[1] != "00" || column[9] == "lo") continue;
    if (column[0].find_first_not_of('0') != std::string::npos) continue;
    if (usable(number(column[8], 16))) best.offer(column[9], number(column[5], 16));
  }
  return best.name;
}

Result<std::string> default_interface() {
  std::string name = default_interface_v4(read_file("/proc/thread-self/net/route"));
  if (name.empty()) name = default_interface_v6(read_file("/proc/thread-self/net/ipv6_route"));
  if (name.empty())
    return error("there is no default route; name an interface with -i, one of: {}", interface_names());
  return name;
}

bool interface_exists(const std::string& name) { return ::if_nametoindex(name.c_str()) != 0; }

std::string interface_names() {
  std::string names;
  struct if_nameindex* all = ::if_nameindex();
  for (auto* each = all; each != nullptr && each->if_index != 0; ++each) {
    if (!names.empty()) names += ", ";
    names += each->if_name;
  }
  ::if_freenameindex(all);
  return names.empty() ? "none" : names;
}

}  // namespace spiderling
