#include "app/intake_options.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "app/command_line.h"

namespace spiderling::app {

namespace {

constexpr double most_seconds = 1e8;
constexpr double fastest = 1e7;
constexpr std::uint64_t shown_bad_lines = 10;

void add_pace(CLI::App& group, IntakeOptions& o) {
  group
      .add_option(
          "--rate", o.rate,
          fmt::format("Targets a second ({}; names that are resolved: no limit), 0: no limit", usual_rate))
      ->take_last()
      ->check(number_between(0, fastest))
      ->type_name("N");
  group
      .add_option("--rate-per-prefix", o.rate_per_prefix,
                  "Targets a second of one IPv4 /24 or IPv6 /48, 0: no limit. Others pass those that wait")
      ->take_last()
      ->check(number_between(0, fastest))
      ->capture_default_str()
      ->type_name("N");
  group
      .add_option("--max-duration", o.max_duration_seconds,
                  "After so many seconds take no more targets; those in flight are finished")
      ->check(number_between(0.001, most_seconds))
      ->type_name("SECONDS");
  group
      .add_option("--retries", o.retries,
                  "Ask again, so many times at most, who answered nothing at all, or where something of ours "
                  "failed; the last result counts, with its spdr_attempts")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str()
      ->type_name("N");
  group.add_option("--retry-pause", o.retry_pause_seconds, "But not sooner than this")
      ->check(number_between(0, most_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
}

Result<std::optional<TargetList>> read_lists(const std::vector<std::string>& paths) {
  std::optional<TargetList> all;
  for (const std::string& path : paths) {
    if (!all) all.emplace();
    if (const auto read = all->add_file(path); !read) return tl::unexpected(read.error());
  }
  if (all) all->finish();
  return all;
}

}  // namespace

void add_intake_options(CLI::App& cli, IntakeOptions& o, bool paces) {
  auto* group = cli.add_option_group("Targets");
  group
      ->add_option(
          "--blocklist", o.blocklists,
          "Leave out also what a file names: addresses, prefixes, domains with all below them, one a "
          "line; none: leave out nobody, not even IANA's special-purpose addresses (private, ...)")
      ->allow_extra_args(false)
      ->type_name("FILE");
  group->add_option("--allowlist", o.allowlist, "Ask only what a file names, as above")->type_name("FILE");
  group
      ->add_option("--opt-out", o.opt_outs,
                   fmt::format("Never ask what a file names, as above, whatever --blocklist says ({} is read "
                               "besides, if it is there)",
                               default_opt_out))
      ->allow_extra_args(false)
      ->type_name("FILE");
  group->add_flag("--keep-duplicates", o.keep_duplicates,
                  "Also targets that came before with the same dip, dp and domain");
  group->add_flag("--shuffle", o.shuffle,
                  "In an order drawn by --seed, out of 50000 targets at a time: a pipe must fill that first");
  group->add_option("--max-targets", o.max_targets, "No more than so many; the list is read no further")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50))
      ->type_name("N");
  if (paces) add_pace(*group, o);
  group
      ->add_option("--asn", o.asn,
                   "Add dip_asn, the target's autonomous system, from a local MaxMind database")
      ->type_name("FILE.mmdb");
  group->add_flag("--dry-run", o.dry_run, "Say what would be asked and how long it would take; ask nobody");
}

Result<JobIntakeOptions> read_intake_lists(const IntakeOptions& o, std::uint64_t seed) {
  JobIntakeOptions intake;
  TargetFilterOptions& filter = intake.filter;
  std::vector<std::string> opt_outs = o.opt_outs;
  if (::access(default_opt_out, F_OK) == 0) opt_outs.emplace_back(default_opt_out);
  auto opt_out = read_lists(opt_outs);
  if (!opt_out) return tl::unexpected(opt_out.error());
  if (*opt_out) filter.opt_out = std::move(**opt_out);
  std::vector<std::string> blocklists = o.blocklists;
  filter.blocks_special_purpose = std::erase(blocklists, "none") == 0;
  auto blocklist = read_lists(blocklists);
  if (!blocklist) return tl::unexpected(blocklist.error());
  filter.blocklist = std::move(*blocklist);
  auto allowlist = read_lists(o.allowlist.empty() ? std::vector<std::string>{} : std::vector{o.allowlist});
  if (!allowlist) return tl::unexpected(allowlist.error());
  filter.allowlist = std::move(*allowlist);
  filter.keeps_duplicates = o.keep_duplicates;
  intake.shuffle = o.shuffle;
  intake.seed = seed;
  intake.max_targets = o.max_targets;
  intake.max_duration = as_milliseconds(o.max_duration_seconds);
  intake.pace.rate = o.rate.value_or(usual_rate);
  intake.pace.rate_per_prefix = o.rate_per_prefix;
  intake.retries = o.retries;
  intake.retry_pause = as_milliseconds(o.retry_pause_seconds);
  return intake;
}

JobReaderOptions reader_options_for(const Arguments& arguments, JobFormat format) {
  JobReaderOptions options;
  options.format = format;
  options.on_bad_line = [name = arguments.called_as, told = std::uint64_t{0}](const BadLine& bad) mutable {
    if (++told <= shown_bad_lines) fmt::print(stderr, "{}: line {}: {}\n", name, bad.line, bad.fault.reason);
    if (told == shown_bad_lines) fmt::print(stderr, "{}: further bad lines are only counted\n", name);
  };
  return options;
}

}  // namespace spiderling::app
