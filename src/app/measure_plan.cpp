#include "app/measure_plan.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "spiders/merger.h"

namespace spiderling::app {

namespace {

constexpr std::size_t files_besides = 64;     // descriptors that are no connections
constexpr std::size_t held_besides = 20'000;  // jobs that only wait for the observer
constexpr std::size_t usual_attempts = 3;     // where nobody sends again what was lost

// As many connections as the system allows files: raises the soft limit to the hard one.
std::size_t most_connections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024 - files_besides;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::max<std::size_t>(limit.rlim_cur, 2 * files_besides) - files_besides;
}

// Those that configure the host have one connection of each job at a time.
std::size_t workers_of(const Measurement& measurement, std::size_t connections) {
  return std::max<std::size_t>(1,
                               measurement.most_connections() / (measurement.configures() ? 1 : connections));
}

bool forges_tcp(const MeasureOptions& options) {
  const ForgeMeasurement* const forger = options.measurement->forger();
  return forger != nullptr && forger->protocol(options.mode) == IpProtocol::tcp;
}

// Nobody sends again what was lost: one packet is all there is.
bool sends_once(const MeasureOptions& options) {
  return options.mode == ConnectMode::dnsudp || options.measurement->forger() != nullptr;
}

EngineOptions engine_options(const MeasureOptions& options, std::size_t workers) {
  EngineOptions o;
  o.workers = workers;
  o.most_held = o.workers + held_besides;
  o.timeout = options.connection_timeout();
  o.mode = options.mode;
  o.attempts = options.attempts.value_or(sends_once(options) ? usual_attempts : 1);
  o.interleave = options.measurement->in_order() ? Interleave::in_order : options.interleave;
  o.seed = options.seed;
  return o;
}

}  // namespace

Result<EnginePlan> make_plan(const MeasureOptions& options,
                             const std::function<void(std::string_view)>& say) {
  EnginePlan plan{.measurement = *options.measurement,
                  .has_own_connect = options.description->has_own_connect,
                  .configurations = options.measurement->runs(),
                  .marks = {},
                  .options = {}};
  const std::size_t connections = plan.configurations.size();
  if (connections == 0 || connections > Merger::max_connections) {
    return error("{} has {} configurations; 1 to {} are possible", options.description->name, connections,
                 Merger::max_connections);
  }
  const std::size_t most_workers = std::max<std::size_t>(1, most_connections() / connections);
  if (options.workers > most_workers) {
    say(fmt::format("{} workers instead of {}: the limit of open files allows no more (ulimit -n)",
                    most_workers, options.workers));
  }
  plan.options = engine_options(
      options, std::min({options.workers, most_workers, workers_of(*options.measurement, connections)}));
  if (options.configure == Configure::host) {
    for (Configuration& one : plan.configurations) {
      if (!one.host.empty()) one.socket = {};  // what has no setting of the host stays the socket's
    }
  }
  return plan;
}

HostNeeds host_needs(const MeasureOptions& options, const EnginePlan& plan) {
  const Measurement& measurement = *options.measurement;
  HostNeeds needs{options.configure, plan.configurations, measurement.host_settings(), forges_tcp(options)};
  if (measurement.configures()) needs.own_ways = options.interface;
  return needs;
}

std::vector<std::string> plan_lines(const MeasureOptions& options, const EnginePlan& plan) {
  std::vector<std::string> lines = {
      fmt::format("{} {} by {} through {}, {} workers, {} s a connection, {} s observed afterwards",
                  options.description->name, options.description->version, name_of(options.mode),
                  options.interface, plan.options.workers, options.timeout_seconds, options.linger_seconds)};
  for (std::size_t i = 0; i < plan.configurations.size(); ++i) {
    std::string how = plan.marks[i] != 0 ? fmt::format("sockets marked {:#x}", plan.marks[i]) : "";
    for (const HostSetting& setting : plan.configurations[i].host) {
      if (plan.epochs != nullptr)
        how += fmt::format("{}{}={}", how.empty() ? "" : ", ", setting.name, setting.value);
    }
    lines.push_back(fmt::format("configuration {}: {} ({})", i, plan.configurations[i].name,
                                how.empty() ? "as it is" : how));
  }
  return lines;
}

}  // namespace spiderling::app
