// spiderling measure: a list of targets in, what the path to each lets through out.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/command.h"
#include "app/hub_target.h"
#include "app/measure_host.h"
#include "app/measure_options.h"
#include "app/measure_run.h"
#include "app/output.h"
#include "app/record_dumplings.h"
#include "capture/interfaces.h"
#include "host/capabilities.h"
#include "host/privileges.h"
#include "plugins/registry.h"
#include "spiders/combiner.h"

namespace spiderling::app {

namespace {

constexpr std::size_t files_besides = 64;     // descriptors that are no connections
constexpr std::size_t held_besides = 20'000;  // jobs that only wait for the observer
constexpr std::uint64_t shown_bad_lines = 10;
constexpr std::uint32_t snap_length = 2048;  // the largest DNS answer that chains look into

// As many connections as the system allows files: raises the soft limit to the hard one.
std::size_t most_connections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024 - files_besides;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::max<std::size_t>(limit.rlim_cur, 2 * files_besides) - files_besides;
}

// The chains of a measurement, each once.
Result<ChainSet> chains_of(const MeasurementDescription& description) {
  const std::vector<std::string> names(description.chains.begin(), description.chains.end());
  const auto chains = Registry::built_in().chains(names);
  if (!chains) return tl::unexpected(chains.error());
  return ChainSet::make(*chains);
}

class MeasureCommand {
 public:
  MeasureCommand(const Arguments& arguments, MeasureOptions options)
      : called_as_(arguments.called_as), options_(std::move(options)) {}

  int run() {
    const auto chains = chains_of(*options_.description);
    if (!chains) return refuse(chains.error());
    if (const auto bound = bind_flow_fields(*options_.measurement, *chains); !bound)
      return refuse(bound.error());
    if (options_.interface.empty()) {
      auto found = default_interface();
      if (!found) return refuse(found.error());
      options_.interface = *found;
    }
    EnginePlan plan = make_plan();
    if (plan.configurations.empty() || plan.configurations.size() > Merger::max_connections) {
      return refuse({fmt::format("{} has {} configurations; 1 to {} are possible", options_.description->name,
                                 plan.configurations.size(), Merger::max_connections)});
    }
    if (const auto able = check_rights(plan); !able) return refuse(able.error());
    auto source = Source::open("live:" + options_.interface, source_options());
    if (!source) return refuse(source.error());
    auto jobs = JobReader::open(options_.input, reader_options());
    if (!jobs) return refuse(jobs.error());
    auto hub = hub_options();
    if (!hub) return refuse(hub.error());
    auto host = MeasureHost::make(options_.configure, plan.configurations,
                                  2 * plan.options.timeout + std::chrono::seconds(10));
    if (!host) return refuse(host.error());
    auto output = Output::open(options_.output);  // empties a file: not before all else has gone well
    if (!output) return refuse(output.error());
    for (const std::string& line : (*host)->put_back()) say(line);
    plan.marks = (*host)->marks();
    plan.epochs = (*host)->epochs();
    if (const auto kept = drop_privileges_except({Capability::net_admin, Capability::net_raw}); !kept)
      return refuse(kept.error());
    if (options_.verbose) tell_plan(plan);
    return !options_.hub.wanted() ? to_output(plan, **source, *chains, **jobs, **host, *output)
                                  : to_hub(plan, **source, *chains, **jobs, **host, std::move(*hub));
  }

 private:
  int refuse(const Error& problem) const {
    say(problem.message);
    return bad_request;
  }
  Result<void> check_rights(const EnginePlan& plan) const {
    const std::string purpose = fmt::format("cannot measure {}", options_.description->name);
    if (!MeasureHost::is_needed(options_.configure, plan.configurations))
      return need_capabilities(purpose, {Capability::net_raw});
    return need_capabilities(purpose, {Capability::net_raw, Capability::net_admin});
  }
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", called_as_, line); }

  void tell_plan(const EnginePlan& plan) const {
    say(fmt::format("{} {} by {} through {}, {} workers, {} s a connection, {} s observed afterwards",
                    options_.description->name, options_.description->version, name_of(options_.mode),
                    options_.interface, plan.options.workers, options_.timeout_seconds,
                    options_.linger_seconds));
    for (std::size_t i = 0; i < plan.configurations.size(); ++i) {
      std::string how = plan.marks[i] != 0 ? fmt::format("sockets marked {:#x}", plan.marks[i]) : "";
      for (const HostSetting& setting : plan.configurations[i].host) {
        if (plan.epochs != nullptr)
          how += fmt::format("{}{}={}", how.empty() ? "" : ", ", setting.name, setting.value);
      }
      say(fmt::format("configuration {}: {} ({})", i, plan.configurations[i].name,
                      how.empty() ? "as it is" : how));
    }
  }

  EnginePlan make_plan() {
    EnginePlan plan{.measurement = *options_.measurement,
                    .has_own_connect = options_.description->has_own_connect,
                    .configurations = options_.measurement->runs(),
                    .marks = {},
                    .options = {}};
    EngineOptions& o = plan.options;
    const std::size_t connections = std::max<std::size_t>(1, plan.configurations.size());
    const std::size_t most_workers = std::max<std::size_t>(1, most_connections() / connections);
    if (options_.workers > most_workers) {
      say(fmt::format("{} workers instead of {}: the limit of open files allows no more (ulimit -n)",
                      most_workers, options_.workers));
    }
    o.workers = std::min(options_.workers, most_workers);
    o.most_held = o.workers + held_besides;
    o.timeout = std::chrono::round<std::chrono::milliseconds>(
        std::chrono::duration<double>(options_.timeout_seconds));
    o.mode = options_.mode;
    o.interleave = options_.interleave;
    o.seed = options_.seed;
    if (options_.configure == Configure::host) {
      for (Configuration& one : plan.configurations) one.socket = {};
    }
    return plan;
  }

  SourceOptions source_options() const {
    SourceOptions options;
    options.snap_length = snap_length;
    options.promiscuous = false;  // only our own flows are wanted
    options.ring_bytes = options_.ring_mib << 20;
    return options;
  }

  JobReaderOptions reader_options() {
    JobReaderOptions options;
    if (options_.csv_input) {
      options.format = JobFormat::csv;
    } else if (options_.any_input) {
      options.format = JobFormat::by_first_line;
    }
    options.on_bad_line = [this](const BadLine& bad) {
      if (++bad_lines_ <= shown_bad_lines) say(fmt::format("line {}: {}", bad.line, bad.fault.reason));
      if (bad_lines_ == shown_bad_lines) say("further bad lines are only counted");
    };
    return options;
  }

  Result<HubDeliveryOptions> hub_options() const {
    if (!options_.hub.wanted()) return HubDeliveryOptions{};
    return delivery_to(options_.hub, chef(), options_.interface, "");
  }
  std::string chef() const { return fmt::format("measure.{}", options_.description->name); }

  int to_output(EnginePlan plan, Source& source, const ChainSet& chains, JobReader& jobs, MeasureHost& host,
                Output& output) {
    const auto write = [&](std::string_view results) { return output.write(results) == Output::Status::ok; };
    const int status =
        measure({options_, std::move(plan), source, chains, jobs, write, shows_progress(output)}, host, {});
    if (output.status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
    if (output.status() != Output::Status::failed) return status;
    say(fmt::format("cannot write {}; results are missing", output.reason()));
    return failed_while_running;
  }

  int to_hub(EnginePlan plan, Source& source, const ChainSet& chains, JobReader& jobs, MeasureHost& host,
             HubDeliveryOptions hub_options) {
    hub_options.wait_for_room = [] { return true; };  // a measurement can wait for a hub that is behind
    RecordDumplings hub(std::move(hub_options), chef(), options_.hub.kitchen_name);
    std::string delivery;
    const auto write = [&](std::string_view results) { return hub.write(results); };
    bool missing = false;
    const int status = measure(
        {options_, std::move(plan), source, chains, jobs, write, isatty(STDERR_FILENO) == 1}, host, [&] {
          const HubDeliveryCounters counters = hub.finish();
          missing = counters.dropped + counters.undelivered > 0;
          return fmt::format(", {} delivered, {} dropped on the way, {} undelivered", counters.delivered,
                             counters.dropped, counters.undelivered);
        });
    return missing ? failed_while_running : status;
  }

  static bool shows_progress(const Output& output) {
    return isatty(STDERR_FILENO) == 1 && !output.is_terminal();
  }

  int measure(MeasureRun::Parts parts, MeasureHost& host, const std::function<std::string()>& delivery) {
    JobReader& jobs = parts.jobs;
    auto run = MeasureRun::make(std::move(parts));
    if (!run) return refuse(run.error());
    const MeasureRunResult result = (*run)->run();
    if (const auto intact = host.verify(); !intact) say(intact.error().message);
    const std::string delivered = delivery ? delivery() : std::string();
    fmt::print(stderr, "{}", (*run)->conditions().table(isatty(STDERR_FILENO) == 1));
    say(counters_line(result, jobs.counters()) + delivered);
    if (!result.failure.empty()) say(result.failure);
    const bool whole = result.failure.empty() && result.unfinished == 0;
    return whole ? success : failed_while_running;
  }

  std::string counters_line(const MeasureRunResult& r, const JobCounters& jobs) const {
    const auto& states = r.connections.by_state;
    std::string line = fmt::format(
        "{} jobs, {} results; connections: {} ok, {} failed, {} timed out; {} not observed, {} dropped",
        r.engine.taken, r.engine.finished, states[0], states[1], states[2], r.unobserved,
        r.source.kernel_dropped);
    const auto add = [&](std::uint64_t number, std::string_view what) {
      if (number != 0) line += fmt::format(", {} {}", number, what);
    };
    add(states[3], "skipped");
    add(states[4], "discarded");
    add(r.lossy, "flows while packets were dropped");
    add(r.connections.port_retries, "tried again from another port");
    add(r.connections.failures_of_plugin, "failures of the measurement itself");
    add(r.unfinished, "jobs given up");
    if (jobs.bad > 0) line += fmt::format(", {} bad lines ({})", jobs.bad, jobs.bad_lines());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    line += fmt::format(", {} jobs in flight at most", r.engine.most_held);
    return line + fmt::format("; {:.3f} s, {:.0f} jobs/s", elapsed.count(),
                              static_cast<double>(r.engine.finished) / std::max(elapsed.count(), 1e-3));
  }

  std::string called_as_;
  MeasureOptions options_;
  std::uint64_t bad_lines_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int measure(const Arguments& arguments) {
  ParsedMeasure parsed = parse_measure(arguments);
  if (parsed.exit) return *parsed.exit;
  // What one thread makes another one frees: with a heap for each, both grow.
  mallopt(M_ARENA_MAX, 1);
  return MeasureCommand(arguments, std::move(parsed.options)).run();
}

}  // namespace spiderling::app
