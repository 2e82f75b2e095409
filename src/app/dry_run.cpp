// --dry-run: what would be asked, and for how long.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "app/intake_options.h"
#include "jobs/job_fields.h"
#include "jobs/pacer.h"

namespace spiderling::app {

namespace {

constexpr std::uint64_t shown_targets = 10;
constexpr std::size_t most_prefixes = 1'000'000;

// What is counted of the targets.
struct Targets {
  std::uint64_t v4 = 0, v6 = 0, unresolved = 0;
  std::uint64_t busiest = 0;  // targets of one prefix
  IpAddress in_busiest;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> by_prefix{};

  std::uint64_t all() const { return v4 + v6 + unresolved; }

  void add(const Job& job) {
    if (job.dip.version == IpVersion::none) {
      ++unresolved;
      return;
    }
    ++(job.dip.version == IpVersion::v4 ? v4 : v6);
    const std::uint64_t prefix = neighbourhood(job.dip);
    if (by_prefix.size() >= most_prefixes && !by_prefix.contains(prefix)) return;
    const std::uint64_t count = ++by_prefix[prefix];
    if (count <= busiest) return;
    busiest = count;
    in_busiest = job.dip;
  }
};

std::string target_text(const Job& job) {
  std::string text =
      fmt::format("  {}", job.dip.version == IpVersion::none ? "no address" : job.dip.to_string());
  if (job.dp) text += fmt::format(" port {}", *job.dp);
  if (!job.domain.empty()) text += fmt::format(" {}", excerpt(job.domain));
  return text + "\n";
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(seconds));
  return fmt::format("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

// The slower of the two paces tells.
std::string time_text(const Targets& targets, const PacerOptions& pace) {
  const double together = pace.rate > 0 ? static_cast<double>(targets.all()) / pace.rate : 0;
  const double neighbours =
      pace.rate_per_prefix > 0 ? static_cast<double>(targets.busiest) / pace.rate_per_prefix : 0;
  if (together <= 0 && neighbours <= 0) return "as fast as they answer\n";
  if (together >= neighbours)
    return fmt::format("in {} or more, at {:g} a second\n", clock_text(together), pace.rate);
  return fmt::format("in {} or more: {} of them are neighbours of {}, which are asked at {:g} a second\n",
                     clock_text(neighbours), targets.busiest, targets.in_busiest.to_string(),
                     pace.rate_per_prefix);
}

}  // namespace

int dry_run(const Arguments& arguments, const std::string& input, JobFormat format, const IntakeOptions& o,
            std::uint64_t seed) {
  const auto refuse = [&](const Error& problem) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, problem.message);
    return int{bad_request};
  };
  auto options = read_intake_lists(o, seed);
  if (!options) return refuse(options.error());
  options->max_duration = {};  // of a run, not of reading
  auto reader = JobReader::open(input, reader_options_for(arguments, format));
  if (!reader) return refuse(reader.error());
  const PacerOptions pace = options->pace;
  JobIntake intake(**reader, std::move(*options));
  Targets targets;
  std::string first;
  Job job;
  while (intake.wait(job)) {
    targets.add(job);
    if (targets.all() <= shown_targets) first += target_text(job);
  }
  fmt::print("{} targets would be asked, {}", targets.all(), time_text(targets, pace));
  fmt::print("{} IPv4, {} IPv6, {} without an address\n", targets.v4, targets.v6, targets.unresolved);
  if (!first.empty()) fmt::print("the first of them:\n{}", first);
  const JobCounters& counters = (*reader)->counters();
  std::string line = fmt::format("{} jobs read{}", counters.jobs, intake.counters().text());
  if (counters.bad > 0) line += fmt::format(", {} bad lines ({})", counters.bad, counters.bad_lines());
  fmt::print(stderr, "{}: {}; nobody was asked\n", arguments.called_as, line);
  if ((*reader)->failure().empty()) return success;
  fmt::print(stderr, "{}: {}\n", arguments.called_as, (*reader)->failure());
  return failed_while_running;
}

}  // namespace spiderling::app
