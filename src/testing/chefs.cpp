#include "spiderling/testing/chefs.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json/parse.hpp>

#include "testing/chef_lines.h"
#include "testing/finder.h"
#include "testing/frames.h"

namespace spiderling::testing {
namespace {

/// Keeps the lines of dumplings.
class Kept final : public DumplingSink {
 public:
  bool put(std::string_view some, std::size_t) override {
    lines.append(some);
    return true;
  }
  std::string lines;
};

Dumpling dumpling_of(std::string_view line) {
  const Payload whole = boost::json::parse(line);
  const Payload& about = whole.at("metadata");
  return {whole.at("payload"), about.at("driver") == "interval",
          about.at("creation_time").to_number<double>()};
}

}  // namespace

ChefLines run_chef_lines(const ChefDescription& chef, const Packets& packets, const ChefOptions& options) {
  Kept kept;
  Kitchen kitchen({.name = options.kitchen,
                   .poke_interval = options.poke_interval,
                   .time = KitchenOptions::Time::of_packets},
                  kept);
  if (const auto taken = kitchen.take_on(chef); !taken) throw std::runtime_error(taken.error().message);
  kitchen.start();
  kitchen.process(frames_of(packets));
  kitchen.finish();
  return {std::move(kept.lines), kitchen.counters()};
}

std::vector<Payload> ChefRun::payloads(bool from_interval) const {
  std::vector<Payload> found;
  for (const Dumpling& one : dumplings) {
    if (one.from_interval == from_interval) found.push_back(one.payload);
  }
  return found;
}

ChefRun run_chef(const ChefDescription& chef, const Packets& packets, const ChefOptions& options) {
  const ChefLines made = run_chef_lines(chef, packets, options);
  ChefRun run{{}, made.counters.failures, made.counters.dumplings.unwritable, made.counters.forgotten};
  for (std::string_view lines = made.lines; !lines.empty();) {
    const std::size_t end = lines.find('\n');
    run.dumplings.push_back(dumpling_of(lines.substr(0, end)));
    lines.remove_prefix(end + 1);
  }
  return run;
}

ChefRun run_chef(std::string_view name, const Packets& packets, const ChefOptions& options, PluginList own) {
  return run_chef(find_chef(name, own), packets, options);
}

}  // namespace spiderling::testing
