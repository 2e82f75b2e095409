#include "capture/source.h"

#include <sys/stat.h>

#include <array>
#include <string_view>

#include "capture/interfaces.h"
#include "capture/live_source.h"
#include "capture/trace_source.h"

namespace spiderling {
namespace {

constexpr std::array<std::string_view, 3> file_schemes = {"file:", "pcapfile:", "pcapng:"};
constexpr std::array<std::string_view, 3> live_schemes = {"live:", "int:", "ring:"};

bool exists(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0;
}

/// A name that only a file can have.
bool looks_like_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".pcap") || name.ends_with(".pcapng") ||
         name.ends_with(".gz") || name.ends_with(".zst");
}

}  // namespace

Result<std::unique_ptr<Source>> Source::open(const std::string& name, const SourceOptions& options) {
  for (const std::string_view scheme : file_schemes)
    if (name.starts_with(scheme)) return open_trace(name.substr(scheme.size()), options);
  for (const std::string_view scheme : live_schemes)
    if (name.starts_with(scheme)) return open_live(name.substr(scheme.size()), options);
  if (name == "-" || exists(name) || looks_like_path(name)) return open_trace(name, options);
  if (name != every_interface && !interface_exists(name))
    return error("no file and no interface is called '{}'; interfaces here: {}", name, interface_names());
  return open_live(name, options);
}

}  // namespace spiderling
