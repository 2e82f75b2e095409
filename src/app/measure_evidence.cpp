#include "app/measure_evidence.h"

#include <filesystem>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>

#include "app/measure_run.h"
#include "campaign/metadata.h"
#include "campaign/own_options.h"

namespace spiderling::app {

namespace json = boost::json;

namespace {

// Beside results in a file. What /dev/stdout and the like are is not for us to write beside.
std::string usual_metadata_path(const std::string& output) {
  std::error_code none;
  if (output.empty() || output == "-" || output.starts_with("/dev/") || output.starts_with("/proc/") ||
      !std::filesystem::is_regular_file(output, none))
    return {};
  return metadata_path(output);
}

std::vector<std::string> command_of(const Arguments& arguments) {
  std::vector<std::string> words;
  std::string_view rest = arguments.called_as;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  words.insert(words.end(), arguments.words.begin(), arguments.words.end());
  return words;
}

json::array configurations_of(const EnginePlan& plan) {
  json::array list;
  for (std::size_t i = 0; i < plan.configurations.size(); ++i) {
    json::object one{{"name", plan.configurations[i].name}};
    if (i < plan.marks.size() && plan.marks[i] != 0) one["socket_mark"] = fmt::format("{:#x}", plan.marks[i]);
    if (plan.epochs != nullptr) {
      for (const HostSetting& setting : plan.configurations[i].host) one[setting.name] = setting.value;
    }
    list.push_back(std::move(one));
  }
  return list;
}

// Jobs that were given up without an interrupt: their results could not be written.
std::string state_of(const MeasureRunResult& result) {
  if (!result.failure.empty()) return "failed";
  if (result.interrupted) return "interrupted";
  return result.unfinished > 0 ? "failed" : "done";
}

json::object left_out_by(const IntakeCounters& jobs) {
  json::object reasons;
  for (std::size_t i = 0; i < left_out_reasons; ++i) {
    if (jobs.left_out[i] > 0) reasons[name_of(static_cast<LeftOut>(i))] = jobs.left_out[i];
  }
  return reasons;
}

json::object counters_of(const MeasureRunResult& r, const JobCounters& lines, const IntakeCounters& jobs) {
  const auto& states = r.connections.by_state;
  return {
      {"lines", lines.jobs + lines.bad},
      {"bad_lines", lines.bad},
      {"left_out", left_out_by(jobs)},
      {"jobs", jobs.given},
      {"jobs_asked_again", jobs.asked_again},
      {"results", r.written.results},
      {"connections",
       {{"ok", states[0]},
        {"failed", states[1]},
        {"timeout", states[2]},
        {"skipped", states[3]},
        {"discard", states[4]}}},
      {"flows_not_observed", r.written.unobserved},
      {"flows_lossy", r.written.lossy},
      {"packets_seen", r.observer.packets},
      {"packets_dropped_by_kernel", r.source.kernel_dropped},
      {"jobs_given_up", r.unfinished},
  };
}

}  // namespace

Result<std::unique_ptr<MeasureEvidence>> MeasureEvidence::make(const Arguments& arguments,
                                                               const MeasureOptions& options, bool go_on) {
  std::unique_ptr<MeasureEvidence> evidence(new MeasureEvidence(arguments, options));
  if (const auto opened = evidence->open(go_on); !opened) return tl::unexpected(opened.error());
  return evidence;
}

Result<void> MeasureEvidence::open(bool go_on) {
  const EvidenceOptions& o = options_.evidence;
  metadata_path_ = o.metadata.empty() ? usual_metadata_path(options_.output) : o.metadata;
  if (o.pcap.empty() && metadata_path_.empty()) return {};
  if (go_on && !metadata_path_.empty()) {
    auto earlier = read_metadata(metadata_path_);
    if (!earlier) return tl::unexpected(earlier.error());
    earlier_ = std::move(*earlier);
  }
  auto clerk = FileClerk::start({o.pcap, metadata_path_});
  if (!clerk) return tl::unexpected(clerk.error());
  clerk_ = std::move(*clerk);
  if (o.pcap.empty()) return {};
  PacketRecorderOptions recording;
  recording.path = o.pcap;
  recording.file_bytes = o.pcap_mib << 20;
  if (o.pcap_snap != 0) recording.snap_length = o.pcap_snap;
  recording.go_on = go_on;
  recording.opener = [clerk = clerk_.get()](std::size_t number) { return clerk->create(number); };
  auto recorder = PacketRecorder::open(std::move(recording));
  if (!recorder) return tl::unexpected(recorder.error());
  recorder_ = std::move(*recorder);
  return {};
}

Result<void> MeasureEvidence::begin(const EnginePlan& plan) {
  if (metadata_path_.empty()) return {};
  metadata_ = std::make_unique<RunMetadata>(
      describe(plan), earlier_, [this](std::string_view text) { return clerk_->replace_metadata(text); });
  RunReport report;
  report.pcap = pcap_report();
  return metadata_->write(report);
}

RunDescription MeasureEvidence::describe(const EnginePlan& plan) const {
  RunDescription d;
  d.command = command_of(arguments_);
  d.version = SPIDERLING_VERSION;
  d.measurement = options_.description->name;
  d.measurement_version = options_.description->version;
  d.options = own_options(*options_.measurement);
  d.connect = std::string(name_of(options_.mode));
  d.interface = options_.interface;
  d.timeout = options_.connection_timeout();
  d.linger = options_.linger();
  d.configurations = configurations_of(plan);
  return d;
}

json::object MeasureEvidence::pcap_report() const {
  if (!recorder_) return {};
  const PacketRecorderCounters counters = recorder_->counters();
  json::object report{{"files", json::value_from(recorder_->files())},
                      {"packets", counters.kept},
                      {"packets_lost", counters.lost},
                      {"bytes", counters.bytes}};
  if (const std::string why = recorder_->failure(); !why.empty()) report["failure"] = why;
  return report;
}

void MeasureEvidence::add(const MergedJob& job) {
  if (!metadata_) return;
  for (const JobConnection& one : job.connections) metadata_->add(one.record);
}

std::string MeasureEvidence::trouble() {
  if (!recorder_ || told_) return {};
  std::string why = recorder_->failure();
  if (why.empty()) return {};
  told_ = true;
  return fmt::format("{}; the measurement goes on without keeping packets", why);
}

std::string MeasureEvidence::finish(const MeasureRunResult& result, const JobCounters& lines,
                                    const IntakeCounters& jobs, const Result<void>& verified) {
  if (recorder_) recorder_->finish();
  if (metadata_) {
    RunReport report;
    report.state = state_of(result);
    report.why = result.failure;
    report.counters = counters_of(result, lines, jobs);
    report.pcap = pcap_report();
    report.verified = verified ? json::value(true) : json::value(verified.error().message);
    if (const auto written = metadata_->write(report); !written) failure_ = written.error().message;
  }
  if (!recorder_) return {};
  const PacketRecorderCounters counters = recorder_->counters();
  std::string text = fmt::format(", {} packets kept", counters.kept);
  if (counters.lost > 0) text += fmt::format(" and {} lost", counters.lost);
  return text;
}

}  // namespace spiderling::app
