#include "spiderling/testing/chefs.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json/parse.hpp>

#include "kitchen/kitchen.h"
#include "testing/finder.h"
#include "testing/frames.h"

namespace spiderling::testing {
namespace {

/// Keeps dumplings.
class Kept final : public DumplingSink {
 public:
  bool put(std::string_view lines, std::size_t) override {
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      const Payload whole = boost::json::parse(lines.substr(0, end));
      const Payload& about = whole.at("metadata");
      dumplings.push_back({whole.at("payload"), about.at("driver") == "interval",
                           about.at("creation_time").to_number<double>()});
      lines.remove_prefix(end + 1);
    }
    return true;
  }
  std::vector<Dumpling> dumplings;
};

}  // namespace

std::vector<Payload> ChefRun::payloads(bool from_interval) const {
  std::vector<Payload> found;
  for (const Dumpling& one : dumplings) {
    if (one.from_interval == from_interval) found.push_back(one.payload);
  }
  return found;
}

ChefRun run_chef(const ChefDescription& chef, const Packets& packets, const ChefOptions& options) {
  Kept kept;
  Kitchen kitchen({.name = options.kitchen,
                   .poke_interval = options.poke_interval,
                   .time = KitchenOptions::Time::of_packets},
                  kept);
  if (const auto taken = kitchen.take_on(chef); !taken) throw std::runtime_error(taken.error().message);
  kitchen.start();
  kitchen.process(frames_of(packets));
  kitchen.finish();
  const KitchenCounters counters = kitchen.counters();
  return {std::move(kept.dumplings), counters.failures, counters.dumplings.unwritable, counters.forgotten};
}

ChefRun run_chef(std::string_view name, const Packets& packets, const ChefOptions& options, PluginList own) {
  return run_chef(find_chef(name, own), packets, options);
}

}  // namespace spiderling::testing
