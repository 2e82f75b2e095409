#include "spiderling/testing/lab.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>

#include "host/program.h"

namespace spiderling::testing {
namespace {

constexpr std::chrono::minutes patience{5};
constexpr int bad_request = 2;  // exit status of the program: nothing was done

std::string spiderling_program() {
  const char* given = std::getenv("SPIDERLING");
  return given != nullptr && *given != '\0' ? given : "spiderling";
}

}  // namespace

LabVerdict check_in_lab(std::string_view scenario_file, const std::vector<std::string>& more) {
  LabVerdict verdict;
  if (::geteuid() != 0) {
    verdict.skipped = "the lab needs root: run the tests with sudo to have it";
    return verdict;
  }
  ProgramRun run;
  run.words = {spiderling_program(), "lab", "check", std::string(scenario_file)};
  run.words.insert(run.words.end(), more.begin(), more.end());
  run.deadline = patience;
  const auto end = run_program(run);
  if (!end) throw std::runtime_error(end.error().message);
  verdict.report = end->output + end->errors;
  verdict.all_right = end->status == 0;
  // What the lab itself needs is missing, or the scenario cannot be read: only the former is no failure.
  if (end->status == bad_request && end->errors.find("needs ") != std::string::npos)
    verdict.skipped = end->errors;
  return verdict;
}

}  // namespace spiderling::testing
