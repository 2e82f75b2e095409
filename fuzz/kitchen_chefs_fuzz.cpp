// Frames to every chef that ships. Whatever comes, a kitchen goes on, and what it hands on is JSON, a line a
// dumpling.
//
// Input: link type (index), then frames: a length byte, a time step byte, so many bytes.
#include <array>
#include <cstdlib>

#include <boost/json/parse.hpp>

#include "base/log.h"
#include "kitchen/kitchen.h"
#include "plugins/registry.h"

namespace {

using namespace spiderling;

constexpr std::array links = {LinkType::ethernet, LinkType::raw_ip,       LinkType::null,
                              LinkType::ppp,      LinkType::linux_cooked, LinkType::linux_cooked_v2,
                              LinkType::loop,     LinkType::ppp_hdlc};

class ParsedDumplings final : public DumplingSink {
 public:
  bool put(std::string_view lines, std::size_t count) override {
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      boost::system::error_code problem;
      const auto dumpling = boost::json::parse(lines.substr(0, end), problem);
      if (problem || !dumpling.is_object() || !dumpling.as_object().contains("payload")) std::abort();
      lines.remove_prefix(end + 1);
      --count;
    }
    if (count != 0) std::abort();
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  log::configure(log::Level::off, log::Format::text);
  ParsedDumplings sink;
  Kitchen kitchen({.name = "fuzz", .time = KitchenOptions::Time::of_packets}, sink);
  for (const ChefDescription* chef : Registry::built_in().chefs()) {
    if (!kitchen.take_on(*chef)) std::abort();
  }
  kitchen.start();
  const LinkType link = links[data[0] % links.size()];
  std::int64_t time_ns = 0;
  for (std::size_t at = 1; at + 2 <= size;) {
    const std::uint32_t length = static_cast<std::uint32_t>(std::min<std::size_t>(data[at], size - at - 2));
    // Backwards too, and far ahead.
    time_ns += (std::int64_t{data[at + 1]} - 16) << (data[at + 1] % 48);
    const Frame frame{data + at + 2, time_ns, length, length + data[at] % 3u, link};
    kitchen.process({&frame, 1});
    at += 2 + length;
  }
  kitchen.finish();
  if (kitchen.counters().failures != 0 || kitchen.counters().dumplings.unwritable != 0) std::abort();
  return 0;
}
