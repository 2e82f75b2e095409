// spiderling lab check all: every measurement held against the truth, some labs side by side.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "app/lab_command.h"
#include "app/lab_measure.h"
#include "base/file_descriptor.h"
#include "host/program.h"

namespace spiderling::app {
namespace {

// A lab is left only by the process that joined it: each check is one of its own, and dies with us. What it
// says is kept until it has ended, so that no two speak at once.
struct RunningCheck {
  std::string scenario;
  pid_t process = -1;
  FileDescriptor output, errors;

  void show_all() const {
    std::fflush(nullptr);
    show(errors.get(), STDERR_FILENO);
    show(output.get(), STDOUT_FILENO);
  }
};

std::vector<std::string> words_of(const std::string& scenario, const LabOptions& options) {
  std::vector<std::string> words = {"/proc/self/exe",
                                    "lab",
                                    "check",
                                    scenario,
                                    options.json ? "--json" : "--brief",
                                    "--scale",
                                    std::to_string(options.scale)};
  const auto add = [&](const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  if (wants_color(options)) add({"--color"});
  if (options.loss_percent) add({"--loss", fmt::format("{}", *options.loss_percent)});
  if (!options.words.empty()) add({"--"});
  add(options.words);
  return words;
}

Result<RunningCheck> start_check(const std::string& scenario, const LabOptions& options) {
  RunningCheck check{scenario, -1, FileDescriptor(::memfd_create("output", MFD_CLOEXEC)),
                     FileDescriptor(::memfd_create("errors", MFD_CLOEXEC))};
  if (!check.output || !check.errors) return error("cannot make a file in memory: {}", std::strerror(errno));
  ProgramStart start;
  start.words = words_of(scenario, options);
  start.output = check.output.get();
  start.errors = check.errors.get();
  start.name = "spiderling";
  const auto program = start_program(start);
  if (!program) return tl::unexpected(program.error());
  check.process = *program;
  return check;
}

// Takes the one that ends next out of the list: which, and its exit status.
Result<std::pair<RunningCheck, int>> wait_for_one(std::vector<RunningCheck>& running) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) return error("cannot wait for a check: {}", std::strerror(errno));
    const auto found = std::ranges::find(running, ended, &RunningCheck::process);
    if (found == running.end()) continue;
    std::pair<RunningCheck, int> one(std::move(*found), exit_status(status));
    running.erase(found);
    return one;
  }
}

Result<std::vector<lab::Scenario>> scenarios_of_all() {
  std::vector<lab::Scenario> list;
  for (const lab::ShippedScenario& shipped : lab::shipped_scenarios()) {
    auto scenario = lab::load_scenario(std::string(shipped.name));
    if (!scenario) return tl::unexpected(scenario.error());
    if (scenario->in_all) list.push_back(std::move(*scenario));
  }
  return list;
}

Error does_not_go_with_all(std::string_view option) {
  return {fmt::format("{} goes with one scenario, not with all of them", option)};
}

// How many were not all right, or the exit status of one that ends it all.
struct Outcome {
  std::size_t wrong = 0;
  int ended_by = success;
};

Result<Outcome> check_each(const std::vector<lab::Scenario>& scenarios, const LabOptions& options) {
  Outcome outcome;
  std::vector<RunningCheck> running;
  auto next = scenarios.begin();
  while (next != scenarios.end() || !running.empty()) {
    if (next != scenarios.end() && running.size() < options.at_once) {
      auto started = start_check((next++)->name, options);
      if (!started) return tl::unexpected(started.error());
      running.push_back(std::move(*started));
      continue;
    }
    const auto ended = wait_for_one(running);
    if (!ended) return tl::unexpected(ended.error());
    const auto& [check, status] = *ended;
    check.show_all();
    if (status == bad_request) return Outcome{0, bad_request};  // it has said why: no other would do better
    if (status > 128) return Outcome{0, failed_while_running};  // ended by a signal
    if (status != success) ++outcome.wrong;
  }
  return outcome;
}

}  // namespace

int lab_check_all(const Arguments& arguments, const LabOptions& options) {
  if (!options.measurement.empty()) return refuse(arguments, does_not_go_with_all("--measurement"));
  if (!options.connect.empty()) return refuse(arguments, does_not_go_with_all("--connect"));
  if (!options.results.empty()) return refuse(arguments, does_not_go_with_all("--results"));
  if (options.keep) return refuse(arguments, does_not_go_with_all("--keep"));
  const auto scenarios = scenarios_of_all();
  if (!scenarios) return refuse(arguments, scenarios.error());
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = check_each(*scenarios, options);
  if (!outcome) return refuse(arguments, outcome.error());
  if (outcome->ended_by != success) return outcome->ended_by;
  const bool all_right = outcome->wrong == 0;
  if (options.json) return all_right ? success : failed_while_running;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::set<std::string> measurements;
  for (const lab::Scenario& scenario : *scenarios) measurements.insert(scenario.measurement);
  fmt::print("{} measurements in {} scenarios: {} ({:.0f} s)\n", measurements.size(), scenarios->size(),
             all_right ? std::string("100 % right") : fmt::format("{} of them NOT all right", outcome->wrong),
             took.count());
  return all_right ? success : failed_while_running;
}

}  // namespace spiderling::app
