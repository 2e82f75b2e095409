// spiderling replay: results held against the packets that were kept with them.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/command.h"
#include "app/command_line.h"
#include "app/measurement_options.h"
#include "app/measurement_setup.h"
#include "app/output.h"
#include "app/plugin_options.h"
#include "campaign/metadata.h"
#include "campaign/own_options.h"
#include "campaign/replay.h"
#include "plugins/python_measurements.h"
#include "spiders/combiner.h"

namespace spiderling::app {

namespace json = boost::json;

namespace {

constexpr int differences_found = failed_while_running;

struct ReplayCommandOptions {
  std::string results;
  std::vector<std::string> traces;
  std::string measurement;  // empty: as the metadata says
  std::string connect;
  double linger_seconds = -1;  // negative: as the metadata says
  std::string metadata;
  std::string output;
  std::size_t shown = 20;
};

// What --measurement names, before anything else is read: its options are then ours.
std::string named_measurement(const std::vector<std::string>& words) {
  constexpr std::string_view option = "--measurement";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == option && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with(option) && words[i].size() > option.size() && words[i][option.size()] == '=')
      return words[i].substr(option.size() + 1);
  }
  return {};
}

void add_options(CLI::App& cli, ReplayCommandOptions& o) {
  cli.add_option("RESULTS", o.results, "Results of `measure --pcap` (or with --output-flows), also packed")
      ->required();
  cli.add_option("PCAP", o.traces, "All files of packets that were kept, in any order")->required();
  cli.add_option("--measurement", o.measurement,
                 "What was measured; its own options may follow (as RESULTS.meta.json says)")
      ->type_name("PLUGIN");
  cli.add_option("--connect", o.connect, "With --measurement: what connections were used for")
      ->type_name("MODE");
  cli.add_option("--linger", o.linger_seconds, "For how long connections that were over had been observed")
      ->check(number_between(0, 3600))
      ->type_name("SECONDS");
  cli.add_option("--metadata", o.metadata, "What is known of the run (RESULTS.meta.json)")->type_name("FILE");
  cli.add_option("--output", o.output, "Write the results as they come out of the packets")
      ->type_name("FILE");
  cli.add_option("--show", o.shown, "Differences that are told, a line each")
      ->capture_default_str()
      ->type_name("N");
}

class ReplayCommand {
 public:
  ReplayCommand(const Arguments& arguments, const Registry& registry, ReplayCommandOptions options,
                const MeasurementDescription* description, std::unique_ptr<Measurement> measurement)
      : called_as_(arguments.called_as),
        registry_(registry),
        options_(std::move(options)),
        description_(description),
        measurement_(std::move(measurement)) {}

  int run() {
    if (const auto known = find_out(); !known) return refuse(known.error());
    MeasurementRun as_it_was;
    as_it_was.mode = mode_;
    if (const auto ready = prepare(*measurement_, as_it_was); !ready) return refuse(ready.error());
    const auto chains = chains_of(*description_, *measurement_, registry_);
    if (!chains) return refuse(chains.error());
    if (const auto bound = bind_flow_fields(*measurement_, *chains); !bound) return refuse(bound.error());
    std::optional<Output> output;
    if (!options_.output.empty()) {
      auto opened = Output::open(options_.output);
      if (!opened) return refuse(opened.error());
      output.emplace(std::move(*opened));
    }
    return compare(*chains, output ? &*output : nullptr);
  }

 private:
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", called_as_, line); }
  int refuse(const Error& problem) const {
    say(problem.message);
    return bad_request;
  }

  // From the command line, or from the metadata of the run.
  Result<void> find_out() {
    const std::string path = options_.metadata.empty() ? metadata_path(options_.results) : options_.metadata;
    const auto metadata = read_metadata(path);
    if (!metadata) return tl::unexpected(metadata.error());
    const bool is_named = description_ != nullptr;
    if (!is_named) {
      if (const auto taken = take_measurement(*metadata, path); !taken) return taken;
    }
    std::string connect =
        options_.connect.empty() && !is_named ? text_member(*metadata, "connect") : options_.connect;
    if (const auto taken = take_mode(connect); !taken) return taken;
    if (options_.linger_seconds < 0) {
      const json::value* linger = metadata->if_contains("linger_ms");
      const bool told = !is_named && linger != nullptr && linger->is_int64() && linger->get_int64() >= 0;
      linger_ =
          std::chrono::milliseconds(told ? std::min<std::int64_t>(linger->get_int64(), 3'600'000) : 1000);
    } else {
      linger_ = std::chrono::round<std::chrono::milliseconds>(
          std::chrono::duration<double>(options_.linger_seconds));
    }
    return {};
  }

  Result<void> take_measurement(const json::object& metadata, const std::string& path) {
    const std::string name = text_member(metadata, "measurement");
    if (name.empty()) return error("{} does not say what was measured; say it with --measurement", path);
    const auto found = find_measurement(registry_, name);
    if (!found) return tl::unexpected(found.error());
    description_ = *found;
    if (description_ == nullptr) return error("{}: there is no measurement '{}' here", path, name);
    measurement_ = description_->create();
    const json::value* own = metadata.if_contains("options");
    if (own == nullptr || !own->is_object()) return {};
    if (const auto set = set_own_options(*measurement_, own->get_object()); !set)
      return error("{}: {}", path, set.error().message);
    return {};
  }

  Result<void> take_mode(const std::string& name) {
    const auto& supported = description_->connect_supported;
    if (supported.empty()) return {};
    mode_ = supported.front();
    if (name.empty()) return {};
    for (const ConnectMode mode : supported) {
      if (name_of(mode) != name) continue;
      mode_ = mode;
      return {};
    }
    return error("{} does not connect by '{}'", description_->name, name);
  }

  int compare(const ChainSet& chains, Output* output) {
    ReplayOptions replay_options;
    replay_options.results = options_.results;
    replay_options.traces = options_.traces;
    replay_options.mode = mode_;
    replay_options.linger = linger_;
    Replay replay(*measurement_, chains, std::move(replay_options));
    std::uint64_t differences = 0;
    const auto difference = [&](std::string_view line) {
      if (++differences <= options_.shown) fmt::print("{}\n", line);
    };
    const auto warning = [this](std::string_view line) { say(line); };
    const auto write = [&](std::string_view results) {
      return output == nullptr || output->write(results) == Output::Status::ok;
    };
    const auto done = replay.run(difference, warning, write);
    if (!done) return refuse(done.error());
    if (differences > options_.shown)
      fmt::print("{} further differences; --show N shows more\n", differences - options_.shown);
    const ReplayCounters& c = *done;
    fmt::print("{} results, {} the same, {} differ", c.results, c.same, c.differ);
    if (c.unreadable > 0) fmt::print(", {} could not be compared", c.unreadable);
    fmt::print("; {} flows, {} of them in {} packets\n", c.flows, c.seen, c.packets);
    if (output != nullptr && output->status() != Output::Status::ok)
      return refuse({fmt::format("cannot write {}; results are missing", output->reason())});
    if (c.unreadable > 0) return bad_request;
    return c.differ > 0 ? differences_found : success;
  }

  std::string called_as_;
  const Registry& registry_;
  ReplayCommandOptions options_;
  const MeasurementDescription* description_;
  std::unique_ptr<Measurement> measurement_;
  ConnectMode mode_ = ConnectMode::tcp;
  std::chrono::milliseconds linger_{};
};

}  // namespace

int replay(const Arguments& arguments) {
  ReplayCommandOptions options;
  CLI::App cli("Recomputes results from the packets that were kept, and says whether they are the same.",
               arguments.called_as);
  cli.footer(
      "Examples:\n  spiderling replay results.ndjson run*.pcap.zst\n"
      "  spiderling replay results.ndjson run.pcap --measurement ecn --connect https\n"
      "Exit status: 0 the same, 1 something differs, 2 it cannot be said.");
  add_options(cli, options);
  add_plugin_options(cli);
  const auto registry = find_plugins(arguments);
  if (!registry) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, registry.error().message);
    return bad_request;
  }
  const std::string name = named_measurement(arguments.words);
  const auto found =
      name.empty() ? Result<const MeasurementDescription*>(nullptr) : find_measurement(*registry, name);
  if (!found) return refuse_command_line(arguments, found.error().message);
  const MeasurementDescription* description = *found;
  std::unique_ptr<Measurement> measurement;
  if (!name.empty() && description == nullptr)
    return refuse_command_line(arguments, fmt::format("there is no measurement '{}'", name));
  if (description != nullptr) {
    measurement = description->create();
    add_own_options(cli, *measurement);
  }
  if (const auto exit = parse_command_line(cli, arguments)) return *exit;
  return ReplayCommand(arguments, *registry, std::move(options), description, std::move(measurement)).run();
}

}  // namespace spiderling::app
