// spiderling measure: a list of targets in, what the path to each lets through out.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/command.h"
#include "app/expand.h"
#include "app/hub_target.h"
#include "app/measure_evidence.h"
#include "app/measure_host.h"
#include "app/measure_options.h"
#include "app/measure_plan.h"
#include "app/measure_run.h"
#include "app/measurement_setup.h"
#include "app/output.h"
#include "app/plugin_options.h"
#include "app/record_dumplings.h"
#include "campaign/campaign.h"
#include "capture/interfaces.h"
#include "connect/http.h"
#include "host/capabilities.h"
#include "host/privileges.h"
#include "plugins/registry.h"
#include "spiders/combiner.h"

namespace spiderling::app {

namespace {

constexpr std::uint32_t snap_length = 2048;  // the largest DNS answer that chains look into

class MeasureCommand {
 public:
  MeasureCommand(const Arguments& arguments, const Registry& registry, MeasureOptions options)
      : arguments_(arguments),
        registry_(registry),
        called_as_(arguments.called_as),
        options_(std::move(options)) {}

  int run() {
    if (const auto ready = prepare_measurement(); !ready) return refuse(ready.error());
    const auto chains = chains_of(*options_.description, *options_.measurement, registry_);
    if (!chains) return refuse(chains.error());
    if (const auto bound = bind_flow_fields(*options_.measurement, *chains); !bound)
      return refuse(bound.error());
    if (options_.evidence.schema) {
      fmt::print("{}", result_schema(*chains, options_.output_flows));
      return success;
    }
    if (const auto opened = open_campaign(); !opened) return refuse(opened.error());
    if (campaign_ && campaign_->is_finished()) {
      say(fmt::format("nothing left to do: by the journal {}, all of its list is done",
                      options_.survival.journal));
      return success;
    }
    if (options_.interface.empty()) {
      auto found = default_interface();
      if (!found) return refuse(found.error());
      options_.interface = *found;
    }
    auto planned = make_plan(options_, [this](std::string_view line) { say(line); });
    if (!planned) return refuse(planned.error());
    EnginePlan& plan = *planned;
    if (const auto able = check_rights(plan); !able) return refuse(able.error());
    auto source = Source::open("live:" + options_.interface, source_options());
    if (!source) return refuse(source.error());
    if (const auto ready = open_intake(); !ready) return refuse(ready.error());
    auto hub = hub_options();
    if (!hub) return refuse(hub.error());
    auto host =
        MeasureHost::make(host_needs(options_, plan), 2 * plan.options.timeout + std::chrono::seconds(10));
    if (!host) return refuse(host.error());
    if (const auto ready = prepare_output(); !ready) return refuse(ready.error());
    auto evidence = MeasureEvidence::make(arguments_, options_, options_.survival.resume);
    if (!evidence) return refuse(evidence.error());
    evidence_ = std::move(*evidence);
    for (const std::string& line : (*host)->put_back()) say(line);
    plan.marks = (*host)->marks();
    plan.epochs = (*host)->epochs();
    if (const auto kept = drop_privileges(); !kept) return refuse(kept.error());
    (*host)->start();
    if (options_.verbose) {
      for (const std::string& line : plan_lines(options_, plan)) say(line);
    }
    if (const auto begun = evidence_->begin(plan); !begun) return refuse(begun.error());
    if (campaign_) return to_campaign(plan, **source, *chains, **host);
    return !options_.hub.wanted() ? to_output(plan, **source, *chains, **host, *output_)
                                  : to_hub(plan, **source, *chains, **host, std::move(*hub));
  }

 private:
  int refuse(const Error& problem) const {
    say(problem.message);
    return bad_request;
  }
  Result<void> prepare_measurement() {
    MeasurementRun run;
    run.mode = options_.mode;
    run.timeout = options_.connection_timeout();
    run.workers = options_.workers;
    run.interface = options_.interface.empty() ? default_interface().value_or("") : options_.interface;
    const auto agent = user_agent(SPIDERLING_VERSION, options_.contact);
    if (!agent) return tl::unexpected(agent.error());
    run.user_agent = *agent;
    if (const auto ready = prepare(*options_.measurement, run); !ready) return ready;
    if (options_.measurement->shows_flows()) options_.output_flows = true;
    return {};
  }
  Result<void> drop_privileges() const {
    if (options_.keep_privileges || options_.measurement->keeps_privileges()) return {};
    return drop_privileges_except({Capability::net_admin, Capability::net_raw});
  }
  // With --journal: whether it is the journal of this run.
  Result<void> open_campaign() {
    if (options_.survival.journal.empty()) return {};
    if (options_.hub.wanted())
      return error("--journal needs the results in a file: what went to a hub cannot be taken back");
    const RunIdentity run{options_.description->name, options_.description->version,
                          options_.survival.of_run};
    auto opened = Campaign::open({options_.survival.journal, options_.survival.resume, options_.output, run});
    if (!opened) return tl::unexpected(opened.error());
    campaign_ = std::move(*opened);
    return {};
  }
  // Empties a file, or cuts it to what the journal says: not before all else has gone well.
  Result<void> prepare_output() {
    if (campaign_) return campaign_->begin();
    auto opened = Output::open(options_.output);
    if (!opened) return tl::unexpected(opened.error());
    output_.emplace(std::move(*opened));
    return {};
  }
  Result<void> check_rights(const EnginePlan& plan) const {
    const std::string purpose = fmt::format("cannot measure {}", options_.description->name);
    if (!MeasureHost::is_needed(host_needs(options_, plan)))
      return need_capabilities(purpose, {Capability::net_raw});
    return need_capabilities(purpose, {Capability::net_raw, Capability::net_admin});
  }
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", called_as_, line); }

  SourceOptions source_options() const {
    SourceOptions options;
    options.snap_length = snap_length;
    options.promiscuous = false;  // only our own flows are wanted
    options.ring_bytes = options_.ring_mib << 20;
    return options;
  }

  // The list of targets, and all that decides which of them are asked.
  Result<void> open_intake() {
    auto lists = read_intake_lists(options_.intake, options_.seed);
    if (!lists) return tl::unexpected(lists.error());
    if (campaign_) lists->skip = [this](const Job& job) { return campaign_->is_done(job); };
    if (!options_.intake.asn.empty()) {
      auto asn = AsnDatabase::open(options_.intake.asn);
      if (!asn) return tl::unexpected(asn.error());
      asn_ = std::move(*asn);
    }
    auto reader = JobReader::open(options_.input, reader_options());
    if (!reader) return tl::unexpected(reader.error());
    reader_ = std::move(*reader);
    lists->gives_again = options_.repeat > 1;
    intake_.emplace(*reader_, std::move(*lists));
    return {};
  }

  JobReaderOptions reader_options() {
    JobReaderOptions options = reader_options_for(arguments_, options_.format());
    if (campaign_) options.check = [this](const Job& job) { return campaign_->check(job); };
    return options;
  }

  Result<HubDeliveryOptions> hub_options() const {
    if (!options_.hub.wanted()) return HubDeliveryOptions{};
    return delivery_to(options_.hub, chef(), options_.interface, "");
  }
  std::string chef() const { return fmt::format("measure.{}", options_.description->name); }

  int to_output(EnginePlan plan, Source& source, const ChainSet& chains, MeasureHost& host, Output& output) {
    const auto write = [&](std::string_view results) { return output.write(results) == Output::Status::ok; };
    const int status = measure({options_, std::move(plan), source, chains, *intake_, write,
                                shows_progress(output), *evidence_, asn_.get()},
                               host, {});
    if (output.status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
    if (output.status() != Output::Status::failed) return status;
    say(fmt::format("cannot write {}; results are missing", output.reason()));
    return failed_while_running;
  }

  int to_campaign(EnginePlan plan, Source& source, const ChainSet& chains, MeasureHost& host) {
    campaign_->start();
    const auto write = [&](std::string_view results) { return campaign_->write(results); };
    return measure({options_, std::move(plan), source, chains, *intake_, write, isatty(STDERR_FILENO) == 1,
                    *evidence_, asn_.get(), campaign_.get()},
                   host, {});
  }

  int to_hub(EnginePlan plan, Source& source, const ChainSet& chains, MeasureHost& host,
             HubDeliveryOptions hub_options) {
    hub_options.wait_for_room = [] { return true; };  // a measurement can wait for a hub that is behind
    RecordDumplings hub(std::move(hub_options), chef(), options_.hub.kitchen_name);
    std::string delivery;
    const auto write = [&](std::string_view results) { return hub.write(results); };
    bool missing = false;
    MeasureParts parts{
        options_,   std::move(plan), source, chains, *intake_, write, isatty(STDERR_FILENO) == 1,
        *evidence_, asn_.get()};
    parts.finish_writing = [&] { hub.finish(); };
    const int status = measure(std::move(parts), host, [&] {
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

  int measure(MeasureParts parts, MeasureHost& host, const std::function<std::string()>& delivery) {
    auto pause = make_pause(host);
    if (!pause) return refuse(pause.error());
    parts.pause = std::move(*pause);
    auto run = MeasureRun::make(std::move(parts));
    if (!run) return refuse(run.error());
    MeasureRunResult result = (*run)->run();
    close_campaign(result);
    const UndoReport back = host.put_back_found();
    if (!back.put_back.empty() || !back.left.empty() || !back.failed.empty())
      say(fmt::format("what {} changed of this host: {}", options_.description->name, back.text()));
    if (!back.failed.empty() && result.failure.empty()) result.failure = "this host is not as it was found";
    const auto intact = host.verify();
    if (!intact) say(intact.error().message);
    if (const auto lost = host.lost_syns(); lost > 0)
      say(fmt::format("{} SYNs could not be sent when their options were taken out", lost));
    const std::string kept = evidence_->finish(result, reader_->counters(), intake_->counters(), intact);
    const std::string delivered = delivery ? delivery() : std::string();
    fmt::print(stderr, "{}", (*run)->conditions().table(isatty(STDERR_FILENO) == 1));
    if (const auto count = intake_->counters().without_address; count > 0)
      say(fmt::format("{} jobs name no address: the measurement dnsresolv finds addresses of names", count));
    say(counters_line(result, reader_->counters()) + kept + delivered);
    if (!result.failure.empty()) say(result.failure);
    if (const std::string why = evidence_->trouble(); !why.empty()) say(why);
    if (!evidence_->failure().empty()) say(evidence_->failure());
    const bool whole = result.failure.empty() && result.unfinished == 0;
    return whole ? success : failed_while_running;
  }

  Result<std::unique_ptr<Pause>> make_pause(MeasureHost& host) const {
    if (!options_.survival.pause || options_.interface == "all") return nullptr;
    return Pause::make({options_.interface, options_.survival.probe, [&host] { return host.renew(); }});
  }

  // What could not be made safe is why the run failed, whatever came of it.
  void close_campaign(MeasureRunResult& result) {
    if (!campaign_) return;
    const bool read_to_the_end = result.list_ended && !intake_->counters().reached_max_targets;
    if (read_to_the_end && result.failure.empty()) result.failure = campaign_->check_end();
    const bool all_done = result.list_ended && result.failure.empty() && result.unfinished == 0;
    if (const auto closed = campaign_->close(all_done); !closed) {
      result.failure = closed.error().message;
    } else if (!all_done) {
      say("not all of the list is done: the same command with --resume goes on");
    }
  }

  std::string counters_line(const MeasureRunResult& r, const JobCounters& jobs) const {
    const auto& states = r.connections.by_state;
    std::string line = fmt::format(
        "{} jobs, {} results; connections: {} ok, {} failed, {} timed out; {} not observed, {} dropped",
        intake_->counters().given, r.written.results, states[0], states[1], states[2], r.written.unobserved,
        r.source.kernel_dropped);
    const auto add = [&](std::uint64_t number, std::string_view what) {
      if (number != 0) line += fmt::format(", {} {}", number, what);
    };
    add(states[3], "skipped");
    add(states[4], "discarded");
    add(r.written.lossy, "flows of which packets were dropped or over which a chain failed");
    add(r.observer.chain_failures, "failures of chains");
    add(r.observer.chains_set_aside, "chains set aside");
    add(r.connections.port_retries, "tried again from another port");
    add(r.connections.repeats, "repeated since nobody answered");
    add(r.connections.failures_of_plugin, "failures of the measurement itself");
    add(r.unfinished, "jobs given up");
    add(r.asked_again, "asked again since the network was away");
    if (campaign_) add(campaign_->done_before(), "jobs done by earlier runs");
    line += intake_->counters().text();
    if (jobs.bad > 0) line += fmt::format(", {} bad lines ({})", jobs.bad, jobs.bad_lines());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    line += fmt::format(", {} jobs in flight at most", r.engine.most_held);
    return line + fmt::format("; {:.3f} s, {:.0f} jobs/s", elapsed.count(),
                              static_cast<double>(r.engine.finished) / std::max(elapsed.count(), 1e-3));
  }

  const Arguments& arguments_;
  const Registry& registry_;
  std::string called_as_;
  MeasureOptions options_;
  std::unique_ptr<Campaign> campaign_;  // with a journal
  std::optional<Output> output_;        // without
  std::unique_ptr<MeasureEvidence> evidence_;
  std::unique_ptr<AsnDatabase> asn_;
  std::unique_ptr<JobReader> reader_;
  std::optional<JobIntake> intake_;  // uses the reader
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int measure(const Arguments& arguments) {
  const auto registry = find_plugins(arguments);
  if (!registry) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, registry.error().message);
    return bad_request;
  }
  ParsedMeasure parsed = parse_measure(arguments, *registry);
  if (parsed.exit) return *parsed.exit;
  const MeasureOptions& o = parsed.options;
  const bool expands = parsed.options.measurement->expander() != nullptr;
  if (o.intake.dry_run) {
    IntakeOptions intake = o.intake;
    if (expands) {  // has no pace unless it is given one
      intake.rate = intake.rate.value_or(0);
      intake.rate_per_prefix = 0;
    }
    return dry_run(arguments, o.input, o.format(), intake, o.seed);
  }
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a full disk
  if (expands && !o.survival.journal.empty()) {
    fmt::print(stderr, "{}: --journal is for runs that are observed: names are resolved again instead\n",
               arguments.called_as);
    return bad_request;
  }
  if (expands) return expand(arguments, std::move(parsed.options));
  // What one thread makes another one frees: with a heap for each, both grow.
  mallopt(M_ARENA_MAX, 1);
  return MeasureCommand(arguments, *registry, std::move(parsed.options)).run();
}

}  // namespace spiderling::app
