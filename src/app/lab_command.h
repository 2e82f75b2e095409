// What the subcommands of `spiderling lab` share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/error.h"
#include "lab/lab.h"
#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::app {

/// The command line of all subcommands; each uses what it knows.
struct LabOptions {
  std::string scenario;
  std::string place = "prober";
  std::string measurement;  ///< empty: the scenario's
  std::string connect;      ///< empty: the scenario's
  std::string results;      ///< a file of results to judge, instead of a measurement
  bool json = false;
  bool keep = false;
  bool all = false;
  bool brief = false;
  bool color = false;                  ///< whatever standard output is
  std::size_t at_once = 6;             ///< labs, where all are checked
  std::uint32_t scale = 1;             ///< times as many targets as the scenario has
  std::optional<double> loss_percent;  ///< instead of the scenario's
  std::vector<std::string> words;      ///< behind --
};

/// A scenario with its addresses. Not movable: the plan's users borrow both.
struct LoadedScenario {
  lab::Scenario scenario;
  lab::AddressPlan plan;
};
Result<LoadedScenario> load_for_lab(const LabOptions& options);

/// The name that a running lab has: of a path, the name that is in the file.
Result<std::string> lab_name(const std::string& name_or_path);

/// Prints the error; bad_request.
int refuse(const Arguments& arguments, const Error& problem);

/// Starts the lab and enters it into the list: it stays.
Result<lab::LabHandle> bring_up(const LoadedScenario& loaded, const lab::LabList& list);

int lab_check(const Arguments& arguments, const LabOptions& options);
/// Every scenario that is marked for it, some of them side by side.
int lab_check_all(const Arguments& arguments, const LabOptions& options);
bool wants_color(const LabOptions& options);

}  // namespace spiderling::app
