// Options of what becomes of a job list before its targets are asked: for `measure` and `filter`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/error.h"
#include "jobs/job_intake.h"
#include "jobs/job_reader.h"

namespace CLI {
class App;
}

namespace spiderling::app {

struct IntakeOptions {
  std::vector<std::string> blocklists;  ///< files; "none" among them: not even the special-purpose addresses
  std::string allowlist;
  std::vector<std::string> opt_outs;  ///< besides the default one
  bool keep_duplicates = false;
  bool shuffle = false;
  std::uint64_t max_targets = 0;
  double max_duration_seconds = 0;
  std::optional<double> rate;  ///< none: usual_rate
  double rate_per_prefix = 10;
  unsigned retries = 0;
  double retry_pause_seconds = 10;
  bool dry_run = false;
  std::string asn;  ///< a database; empty: none
};

/// Read if it is there, whatever the command line says.
inline constexpr const char* default_opt_out = "/etc/spiderling/opt-out";
/// Targets a second.
inline constexpr double usual_rate = 500;

/// `paces`: the targets are asked, not only listed.
void add_intake_options(CLI::App& cli, IntakeOptions& o, bool paces);

/// Reads the lists. Before privileges are given up.
Result<JobIntakeOptions> read_intake_lists(const IntakeOptions& o, std::uint64_t seed);

/// For a list in that format; the first bad lines are told on standard error.
JobReaderOptions reader_options_for(const Arguments& arguments, JobFormat format);

/// `--dry-run`: reads the whole list, and says on standard output what would be asked and how long it would
/// take. An exit status.
int dry_run(const Arguments& arguments, const std::string& input, JobFormat format, const IntakeOptions& o,
            std::uint64_t seed);

}  // namespace spiderling::app
