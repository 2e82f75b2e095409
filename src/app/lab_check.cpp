// spiderling lab check: a measurement held against the truth.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "app/lab_command.h"
#include "app/lab_measure.h"
#include "base/file_descriptor.h"
#include "lab/job_list.h"
#include "lab/report.h"
#include "lab/resolved_names.h"
#include "lab/servers.h"
#include "lab/truth.h"
#include "plugins/registry.h"

namespace spiderling::app {
namespace {

std::vector<std::string> measure_words(const Arguments& arguments, const lab::Scenario& scenario,
                                       const LabOptions& options, const std::string& measurement) {
  // Targets of the lab are private, all neighbours, and nobody is bothered.
  std::vector<std::string> words = {"/proc/self/exe", "measure", "-i", lab::link::prober,   "--blocklist",
                                    "none",           "--rate",  "0",  "--rate-per-prefix", "0"};
  const auto add = [&](const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  for (const std::string& file : arguments.plugins.files) add({"--plugin", file});
  for (const std::string& folder : arguments.plugins.folders) add({"--plugin-dir", folder});
  add(scenario.options);
  add(options.words);
  words.push_back(measurement);
  const std::string& connect = options.connect.empty() ? scenario.connect : options.connect;
  if (!connect.empty()) add({"--connect", connect});
  return words;
}

Result<void> judge_file(const std::string& path, lab::Judge& judge) {
  const bool standard = path == "-";
  const FileDescriptor file(standard ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error("cannot read {}: {}", path, std::strerror(errno));
  LineCutter lines([&](std::string_view line) { judge.take(line); });
  while (lines.read_from(file.get())) {
  }
  lines.finish();
  return {};
}

Result<bool> turns_names_into_addresses(const Arguments& arguments, const std::string& measurement) {
  const auto registry = Registry::find(arguments.plugins);  // what was passed over, `measure` will say
  if (!registry) return tl::unexpected(registry.error());
  const MeasurementDescription* found = registry->measurement(measurement);
  return found != nullptr && found->create()->expander() != nullptr;
}

class Check {
 public:
  Check(const Arguments& arguments, const LabOptions& options, const LoadedScenario& loaded,
        lab::Judge& judge, std::string measurement)
      : arguments_(arguments),
        options_(options),
        loaded_(loaded),
        judge_(judge),
        measurement_(std::move(measurement)) {}

  int run() {
    if (!options_.results.empty()) {
      if (const auto judged = judge_file(options_.results, judge_); !judged)
        return refuse(arguments_, judged.error());
      return report();
    }
    if (const auto possible = lab::check_lab_is_possible(); !possible)
      return refuse(arguments_, possible.error());
    if (const auto programs = lab::find_lab_programs(); !programs)
      return refuse(arguments_, programs.error());
    std::optional<lab::Lab> own;  // ends with this process, however that ends
    auto handle = options_.keep ? kept() : started(own);
    if (!handle) return refuse(arguments_, handle.error());
    return measure_in(*handle);
  }

 private:
  Result<lab::LabHandle> started(std::optional<lab::Lab>& own) {
    auto lab = lab::Lab::start(loaded_.scenario, loaded_.plan);
    if (!lab) return tl::unexpected(lab.error());
    own.emplace(std::move(*lab));
    return own->handle();
  }

  Result<lab::LabHandle> kept() {
    const auto list = lab::LabList::open();
    if (!list) return tl::unexpected(list.error());
    if (const auto running = list->find(loaded_.scenario.name)) return *running;
    return bring_up(loaded_, *list);
  }

  int measure_in(const lab::LabHandle& handle) {
    if (const auto joined = lab::join_lab(handle, lab::Place::prober); !joined)
      return refuse(arguments_, joined.error());
    // Ctrl-C ends the measurement in its own way; what it has found by then is still judged.
    std::signal(SIGINT, SIG_IGN);
    const auto resolves = turns_names_into_addresses(arguments_, measurement_);
    if (!resolves) return refuse(arguments_, resolves.error());
    const auto status = *resolves ? resolve() : measure();
    if (!status) return refuse(arguments_, status.error());
    if (*status == bad_request) return bad_request;  // it has said why
    const int verdict = report();
    if (*status != 0)
      fmt::print(stderr, "{}: the measurement ended with status {}\n", arguments_.called_as, *status);
    return *status == 0 ? verdict : failed_while_running;
  }

  Result<int> measure() {
    lab::JobList jobs(loaded_.scenario, loaded_.plan);
    LabMeasure process([&](std::string& out) { return jobs.append_next(out); },
                       [&](std::string_view line) { judge_.take(line); });
    return process.run(measure_words(arguments_, loaded_.scenario, options_, measurement_));
  }

  // Each host is a resolver behind its box, and each of its targets a name that it is asked for.
  Result<int> resolve() {
    int worst = success;
    for (std::size_t host = 0; host < loaded_.scenario.hosts.size(); ++host) {
      for (const IpVersion version : {IpVersion::v4, IpVersion::v6}) {
        if (loaded_.plan.prefix(host, version) == nullptr) continue;
        lab::ResolvedNames names(loaded_.scenario, loaded_.plan, host, version);
        LabMeasure process([&](std::string& out) { return names.append_next(out); },
                           [&](std::string_view line) { names.take(line); });
        process.be_quiet();  // there is one for each host
        std::vector<std::string> words = measure_words(arguments_, loaded_.scenario, options_, measurement_);
        words.insert(words.end(), {"--resolver", names.resolver()});
        const auto status = process.run(std::move(words));
        if (!status || *status == bad_request) return status;
        worst = std::max(worst, *status);
        for (const std::string& line : names.results()) judge_.take(line);
      }
    }
    return worst;
  }

  int report() const {
    const lab::Verdict verdict = judge_.verdict();
    if (options_.brief && verdict.all_right())
      fmt::print("{}", lab::verdict_line(loaded_.scenario, verdict, wants_color(options_)));
    else
      fmt::print("{}", options_.json ? lab::verdict_json(loaded_.scenario, verdict)
                                     : lab::verdict_text(loaded_.scenario, verdict, wants_color(options_)));
    return verdict.all_right() ? success : failed_while_running;
  }

  const Arguments& arguments_;
  const LabOptions& options_;
  const LoadedScenario& loaded_;
  lab::Judge& judge_;
  std::string measurement_;
};

}  // namespace

bool wants_color(const LabOptions& options) {
  if (options.color) return true;
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

int lab_check(const Arguments& arguments, const LabOptions& options) {
  if (options.scenario == "all") return lab_check_all(arguments, options);
  const auto loaded = load_for_lab(options);
  if (!loaded) return refuse(arguments, loaded.error());
  const std::string measurement =
      options.measurement.empty() ? loaded->scenario.measurement : options.measurement;
  auto judge = lab::Judge::of(loaded->scenario, loaded->plan, measurement);
  if (!judge) return refuse(arguments, judge.error());
  return Check(arguments, options, *loaded, *judge, measurement).run();
}

}  // namespace spiderling::app
