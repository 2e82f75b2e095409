// The command line of `spiderling measure`.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/command.h"
#include "app/evidence_options.h"
#include "app/expand_options.h"
#include "app/hub_target.h"
#include "app/intake_options.h"
#include "app/survival_options.h"
#include "plugins/registry.h"
#include "spiderling/measurement.h"
#include "spiders/plan.h"

namespace spiderling::app {

/// How the configurations of a measurement come about.
enum class Configure : std::uint8_t {
  socket,  ///< each socket for itself: options, marks, rules and routes of ours
  host,    ///< settings of the whole host, one configuration at a time, put back afterwards
};

struct MeasureOptions {
  std::string interface;  ///< empty: that of the default route
  std::string input = "-";
  std::string output;  ///< empty: standard output
  bool csv_input = false;
  bool any_input = false;
  bool output_flows = false;
  std::size_t workers = 1000;
  double timeout_seconds = 5;
  std::optional<std::size_t> attempts;  ///< at a connection; none: as its mode has it
  std::size_t repeat = 1;               ///< times that each target is measured at most; see Votes
  double linger_seconds = 1;
  Interleave interleave = Interleave::together;
  Configure configure = Configure::socket;
  std::uint64_t seed = 1;
  std::size_t ring_mib = 8;
  HubTarget hub;  ///< instead of output
  bool verbose = false;
  EvidenceOptions evidence;
  IntakeOptions intake;
  std::uint64_t max_failures = 100;  ///< in a row, of combine() or of a chain's hook; 0: any number
  bool keep_privileges = false;
  std::string contact;   ///< in requests of HTTP; empty: none
  ExpandOptions expand;  ///< of a measurement that expands jobs

  SurvivalOptions survival;

  std::chrono::milliseconds connection_timeout() const;
  std::chrono::milliseconds linger() const;
  JobFormat format() const {
    if (csv_input) return JobFormat::csv;
    return any_input ? JobFormat::by_first_line : JobFormat::ndjson;
  }

  const MeasurementDescription* description = nullptr;
  std::unique_ptr<Measurement> measurement;  ///< with its own options set
  ConnectMode mode = ConnectMode::tcp;
};

/// What came of a command line: options to run with, or an exit status.
struct ParsedMeasure {
  MeasureOptions options;
  std::optional<int> exit;
};
ParsedMeasure parse_measure(const Arguments& arguments, const Registry& registry);

}  // namespace spiderling::app
