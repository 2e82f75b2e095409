// spiderling observe: packets in, one JSON record a flow out.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command.h"
#include "app/hub_target.h"
#include "app/observe_options.h"
#include "app/observe_pipeline.h"
#include "app/output.h"
#include "app/plugin_options.h"
#include "app/progress_line.h"
#include "app/record_dumplings.h"
#include "app/stop_signal.h"
#include "capture/interfaces.h"
#include "host/privileges.h"
#include "plugins/registry.h"

namespace spiderling::app {

namespace {

std::chrono::nanoseconds nanoseconds_of(double seconds) {
  return std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

PipelineOptions pipeline_options(const ObserveOptions& o) {
  PipelineOptions options;
  options.shards = o.shards;
  options.observer.idle_timeout = nanoseconds_of(o.idle_timeout_seconds);
  options.observer.expiry_timeout = nanoseconds_of(o.expiry_timeout_seconds);
  options.observer.max_flows = o.max_flows;
  options.observer.max_failures = {o.max_failures};
  if (o.duration_seconds > 0) options.duration = nanoseconds_of(o.duration_seconds);
  return options;
}

SourceOptions source_options(const ObserveOptions& o) {
  SourceOptions options;
  options.shards = o.shards;
  options.filter = o.filter;
  options.snap_length = o.snap_length;
  options.promiscuous = o.promiscuous;
  options.max_frames = o.count;
  return options;
}

// True if both names are one regular file, which opening the first for writing would empty.
bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code absent;
  return std::filesystem::is_regular_file(a, absent) && std::filesystem::equivalent(a, b, absent);
}

// The last line of the command: what came in, what was lost and why. What is usually zero is shown when it is
// not.
std::string counters_line(const PipelineResult& r, std::uint64_t not_kept, std::string_view delivery,
                          std::chrono::duration<double> elapsed) {
  std::string line =
      fmt::format("{} packets, {} dropped, {} short, {} malformed, {} non-IP, {} flows, {} ignored",
                  r.observer.packets, r.source.kernel_dropped, r.observer.short_packets, r.observer.malformed,
                  r.observer.non_ip, r.observer.flows, r.observer.ignored);
  const auto add = [&](std::uint64_t number, std::string_view what) {
    if (number != 0) line += fmt::format(", {} {}", number, what);
  };
  add(r.source.filtered, "filtered out");
  add(r.source.malformed, "unreadable records");
  add(r.source.unknown_link, "of unknown link type");
  add(r.observer.ignored_packets, "packets of ignored flows");
  add(r.observer.orphan_fragments, "fragments without a first");
  add(r.observer.early, "emitted early (--max-flows)");
  add(r.observer.chain_failures, "failures of chains");
  add(r.observer.failed_records, "records of flows over which a chain failed");
  add(not_kept, "not kept, of another link type (--write FILE.pcapng keeps all)");
  return line + fmt::format("{}; {:.3f} s", delivery, elapsed.count());
}

// One a line: those that failed, or blocked, or all.
std::string chains_text(const ChainSet& chains, const std::vector<ChainFigures>& all, bool verbose,
                        std::string_view called_as) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const HandlerFigures& f = all[i].figures;
    const bool is_well = f.failures == 0 && f.blocked == 0;
    if (is_well && !verbose) continue;
    text +=
        fmt::format("{}: chain {}: {} calls, {:.6f} s, {:.9f} s the longest", called_as,
                    chains.chains()[i].chain->name, f.calls, std::chrono::duration<double>(f.busy).count(),
                    std::chrono::duration<double>(f.longest).count());
    if (!is_well) text += fmt::format(", {} failures, {} blocked", f.failures, f.blocked);
    text += all[i].set_aside ? ", set aside\n" : "\n";
  }
  return text;
}

class ObserveRun {
 public:
  ObserveRun(const Arguments& arguments, const Registry& registry, ObserveOptions options)
      : called_as_(arguments.called_as), registry_(registry), options_(std::move(options)) {}

  int run() {
    const auto chains = registry_.chains(options_.chains);
    if (!chains) return refuse(chains.error());
    const auto set = ChainSet::make(*chains);
    if (!set) return refuse(set.error());
    if (options_.input.empty()) {
      auto found = default_interface();
      if (!found) return refuse(found.error());
      options_.input = *found;
    }
    auto source = Source::open(options_.input, source_options(options_));
    if (!source) return refuse(source.error());
    for (const std::string& written : {options_.output, options_.write}) {
      if (is_same_file(written, options_.input)) {
        return refuse({fmt::format("{} is the trace that is read; write to another file", written)});
      }
    }
    auto output = Output::open(options_.output);
    if (!output) return refuse(output.error());
    auto hub = hub_options(**source);
    if (!hub) return refuse(hub.error());
    std::unique_ptr<TraceWriter> kept;
    if (!options_.write.empty()) {
      auto opened = TraceWriter::open(options_.write);
      if (!opened) return refuse(opened.error());
      kept = std::move(*opened);
    }
    if ((*source)->live()) {
      if (const auto dropped = drop_privileges(); !dropped) return refuse(dropped.error());
      fmt::print(stderr, "{}: listening on {}\n", called_as_, options_.input);
    }
    if (options_.verbose) {
      fmt::print(stderr, "{}: {}, filter '{}', chains {}, {} shards\n", called_as_, options_.input,
                 options_.filter, fmt::join(options_.chains, " "), options_.shards);
    }
    if (!options_.hub.wanted()) return to_output(**source, *set, *output, kept.get());
    return to_hub(**source, *set, std::move(*hub), kept.get());
  }

 private:
  int refuse(const Error& problem) const {
    fmt::print(stderr, "{}: {}\n", called_as_, problem.message);
    return bad_request;
  }

  // What a hub must be told; nothing, without one.
  Result<HubDeliveryOptions> hub_options(const Source& source) const {
    if (!options_.hub.wanted()) return HubDeliveryOptions{};
    auto options = delivery_to(options_.hub, flow_chef, options_.input, options_.filter);
    if (options && !source.live()) options->wait_for_room = [] { return true; };  // see to_hub()
    return options;
  }

  int to_output(Source& source, const ChainSet& chains, Output& output, TraceWriter* kept) const {
    const StopSignal stop;
    const auto write = [&](std::string_view records) { return output.write(records) == Output::Status::ok; };
    const PipelineResult result = observe(source, chains, write, output.is_terminal(), kept, stop);
    if (output.status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
    report(source, chains, result, kept, {});
    if (output.status() != Output::Status::failed) return status_of(result);
    fmt::print(stderr, "{}: cannot write {}; records are missing\n", called_as_, output.reason());
    return failed_while_running;
  }

  int to_hub(Source& source, const ChainSet& chains, HubDeliveryOptions options, TraceWriter* kept) const {
    const StopSignal stop;
    // A trace can wait for a hub that is behind, until the user has waited enough.
    if (options.wait_for_room) options.wait_for_room = [&] { return !stop.requested(); };
    RecordDumplings hub(std::move(options), flow_chef, options_.hub.kitchen_name);
    const auto write = [&](std::string_view records) { return hub.write(records); };
    const PipelineResult result = observe(source, chains, write, false, kept, stop);
    const HubDeliveryCounters delivery = hub.finish();
    report(source, chains, result, kept,
           fmt::format(", {} delivered, {} dropped on the way, {} undelivered", delivery.delivered,
                       delivery.dropped, delivery.undelivered));
    const bool missing = delivery.dropped + delivery.undelivered > 0;
    return missing ? failed_while_running : status_of(result);
  }

  PipelineResult observe(Source& source, const ChainSet& chains, RecordWriter write, bool to_terminal,
                         TraceWriter* kept, const StopSignal& stop) const {
    ProgressLine progress(!source.live() && isatty(STDERR_FILENO) == 1 && !to_terminal);
    Watchdog watchdog;
    PipelineOptions options = pipeline_options(options_);
    options.observer.watchdog = &watchdog;
    ObservePipeline pipeline(source, chains, options, std::move(write), kept);
    PipelineResult result = pipeline.run([&](const PipelineProgress& now) {
      progress.update(now);
      return !stop.requested();
    });
    progress.finish();
    if (kept != nullptr) {
      if (const auto closed = kept->close(); !closed) result.kept_failure = closed.error().message;
    }
    return result;
  }

  void report(const Source& source, const ChainSet& chains, const PipelineResult& result, TraceWriter* kept,
              std::string_view delivery) const {
    for (const std::string& warning : source.warnings()) fmt::print(stderr, "{}: {}\n", called_as_, warning);
    if (options_.verbose) {
      for (std::size_t i = 0; i < result.shards.size(); ++i) {
        fmt::print(stderr, "{}: shard {}: {} packets, {} records\n", called_as_, i, result.shards[i].packets,
                   result.shards[i].records);
      }
    }
    fmt::print(stderr, "{}", chains_text(chains, result.chains, options_.verbose, called_as_));
    const std::uint64_t not_kept = kept != nullptr ? kept->format().refused() : 0;
    fmt::print(stderr, "{}: {}\n", called_as_,
               counters_line(result, not_kept, delivery, std::chrono::steady_clock::now() - started_));
    if (!result.kept_failure.empty()) fmt::print(stderr, "{}: {}\n", called_as_, result.kept_failure);
  }

  int status_of(const PipelineResult& result) const {
    if (!result.kept_failure.empty()) return failed_while_running;
    const bool none_left =
        !result.chains.empty() && std::ranges::all_of(result.chains, &ChainFigures::set_aside);
    if (!none_left) return success;
    fmt::print(stderr, "{}: every chain failed again and again and was set aside\n", called_as_);
    return failed_while_running;
  }

  std::string called_as_;
  const Registry& registry_;
  ObserveOptions options_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int observe(const Arguments& arguments) {
  const ParsedObserve parsed = parse_observe(arguments);
  if (parsed.exit) return *parsed.exit;
  const ObserveOptions& o = parsed.options;
  const auto registry = find_plugins(arguments);
  if (!registry) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, registry.error().message);
    return bad_request;
  }
  if (o.list_chains || o.describe || o.schema) return answer_about_chains(arguments, *registry, o);
  return ObserveRun(arguments, *registry, o).run();
}

}  // namespace spiderling::app
