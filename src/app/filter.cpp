// spiderling filter: jobs in, jobs out, as NDJSON: each once, and only those that may be asked.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/intake_options.h"
#include "app/output.h"
#include "jobs/asn_database.h"

namespace spiderling::app {

namespace {

struct FilterOptions {
  std::string input = "-";
  std::string output;
  bool csv_input = false;
  bool any_input = false;
  std::optional<std::uint16_t> port;
  std::uint64_t seed = 1;
  IntakeOptions intake;

  JobFormat format() const {
    if (csv_input) return JobFormat::csv;
    return any_input ? JobFormat::by_first_line : JobFormat::ndjson;
  }
};

std::optional<int> parse(const Arguments& arguments, FilterOptions& o) {
  CLI::App cli("Jobs in, one a line; jobs out, as JSON objects: each once, and only those that may be asked.",
               arguments.called_as);
  cli.footer(
      "Example:\n  spiderling filter --csv-input --dp 80 < list.csv > jobs.ndjson\n"
      "Exit status: 0 done, 1 failed while running, 2 nothing was done.");
  cli.add_option("--input", o.input, "The job list, one target a line; - for standard input")
      ->capture_default_str()
      ->type_name("FILE");
  cli.add_flag("--csv-input", o.csv_input,
               "Jobs are CSV: rank,domain or dip,dp,domain or dip,dp,domain,rank (default: JSON objects)");
  cli.add_flag("--any-input", o.any_input, "Jobs are whatever the first line is, an object or columns");
  cli.add_option("--output", o.output, "Write jobs to a file (standard output)")->type_name("FILE");
  cli.add_option("--dp", o.port, "Give every job this port, whatever it had; duplicates are found after that")
      ->check(CLI::Range(1u, 65535u))
      ->type_name("PORT");
  cli.add_option("--seed", o.seed, "Of --shuffle")->capture_default_str()->type_name("N");
  add_intake_options(cli, o.intake, false);
  return parse_command_line(cli, arguments);
}

class Filter {
 public:
  Filter(const Arguments& arguments, const FilterOptions& options)
      : arguments_(arguments), options_(options) {}

  int run() {
    auto lists = read_intake_lists(options_.intake, options_.seed);
    if (!lists) return refuse(lists.error());
    lists->port = options_.port;
    lists->pace = {};
    if (!options_.intake.asn.empty()) {
      auto opened = AsnDatabase::open(options_.intake.asn);
      if (!opened) return refuse(opened.error());
      asn_ = std::move(*opened);
    }
    auto reader = JobReader::open(options_.input, reader_options_for(arguments_, options_.format()));
    if (!reader) return refuse(reader.error());
    auto output = Output::open(options_.output);
    if (!output) return refuse(output.error());
    JobIntake intake(**reader, std::move(*lists));
    write_all(intake, *output);
    return finish(intake, *output);
  }

 private:
  int refuse(const Error& problem) const {
    say(problem.message);
    return bad_request;
  }
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", arguments_.called_as, line); }

  void write_all(JobIntake& intake, Output& output) {
    std::string lines;
    Job job;
    while (intake.wait(job)) {
      append(job, lines);
      if (lines.size() < write_at_once) continue;
      if (output.write(lines) != Output::Status::ok) return intake.stop();
      lines.clear();
    }
    output.write(lines);
  }

  void append(const Job& job, std::string& lines) const {
    lines += '{';
    lines += job.members;
    const std::uint32_t asn = asn_ ? asn_->find(job.dip) : 0;
    if (asn != 0 && job.member("dip_asn").is_null()) lines += fmt::format(",\"dip_asn\":{}", asn);
    lines += "}\n";
  }

  int finish(const JobIntake& intake, const Output& output) const {
    const JobReader& reader = intake.reader();
    const JobCounters& jobs = reader.counters();
    std::string line =
        fmt::format("{} jobs in, {} out{}", jobs.jobs, intake.counters().given, intake.counters().text());
    if (jobs.bad > 0) line += fmt::format(", {} bad lines ({})", jobs.bad, jobs.bad_lines());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    if (output.status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
    say(line + fmt::format("; {:.3f} s", elapsed.count()));
    if (output.status() == Output::Status::failed) {
      say(fmt::format("cannot write {}; jobs are missing", output.reason()));
      return failed_while_running;
    }
    if (reader.failure().empty()) return success;
    say(reader.failure());
    return failed_while_running;
  }

  const Arguments& arguments_;
  const FilterOptions& options_;
  std::unique_ptr<AsnDatabase> asn_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int filter(const Arguments& arguments) {
  FilterOptions options;
  if (const auto exit = parse(arguments, options)) return *exit;
  if (options.intake.dry_run)
    return dry_run(arguments, options.input, options.format(), options.intake, options.seed);
  return Filter(arguments, options).run();
}

}  // namespace spiderling::app
