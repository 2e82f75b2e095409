// spiderling lab check all: every measurement held against the truth, one lab after the other.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "app/lab_command.h"
#include "host/program.h"

namespace spiderling::app {
namespace {

// A lab is left only by the process that joined it: each check is one of its own.
Result<int> check_one(const std::string& scenario, const LabOptions& options) {
  ProgramStart start;
  start.words = {"/proc/self/exe",
                 "lab",
                 "check",
                 scenario,
                 options.json ? "--json" : "--brief",
                 "--scale",
                 std::to_string(options.scale)};
  const auto add = [&](const std::vector<std::string>& more) {
    start.words.insert(start.words.end(), more.begin(), more.end());
  };
  if (options.loss_percent) add({"--loss", fmt::format("{}", *options.loss_percent)});
  if (!options.words.empty()) add({"--"});
  add(options.words);
  start.input = STDIN_FILENO;
  start.output = STDOUT_FILENO;
  start.errors = STDERR_FILENO;
  start.name = "spiderling";
  const auto program = start_program(start);
  if (!program) return tl::unexpected(program.error());
  int status = 0;
  while (::waitpid(*program, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_status(status);
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

}  // namespace

int lab_check_all(const Arguments& arguments, const LabOptions& options) {
  if (!options.measurement.empty()) return refuse(arguments, does_not_go_with_all("--measurement"));
  if (!options.connect.empty()) return refuse(arguments, does_not_go_with_all("--connect"));
  if (!options.results.empty()) return refuse(arguments, does_not_go_with_all("--results"));
  if (options.keep) return refuse(arguments, does_not_go_with_all("--keep"));
  const auto scenarios = scenarios_of_all();
  if (!scenarios) return refuse(arguments, scenarios.error());
  const auto begin = std::chrono::steady_clock::now();
  std::set<std::string> measurements;
  std::size_t wrong = 0;
  for (const lab::Scenario& scenario : *scenarios) {
    const auto status = check_one(scenario.name, options);
    if (!status) return refuse(arguments, status.error());
    if (*status == bad_request) return bad_request;  // it has said why: no other would do better
    if (*status > 128) return failed_while_running;  // ended by a signal
    measurements.insert(scenario.measurement);
    if (*status != success) ++wrong;
  }
  if (options.json) return wrong == 0 ? success : failed_while_running;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print("{} measurements in {} scenarios: {} ({:.0f} s)\n", measurements.size(), scenarios->size(),
             wrong == 0 ? std::string("100 % right") : fmt::format("{} of them NOT all right", wrong),
             took.count());
  return wrong == 0 ? success : failed_while_running;
}

}  // namespace spiderling::app
