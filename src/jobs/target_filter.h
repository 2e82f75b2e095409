// Which jobs of a list are asked, and why the others are not.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/seen_jobs.h"
#include "jobs/target_list.h"
#include "spiderling/job.h"

namespace spiderling {

enum class LeftOut : std::uint8_t {
  opted_out,        ///< its owner does not want to be asked
  special_purpose,  ///< nobody's address: see special_purpose_of()
  blocked,          ///< on the blocklist
  not_allowed,      ///< not on the allowlist
  duplicate,        ///< the same (dip, dp, domain) came before
  done_before,      ///< by an earlier run that this one resumes
  beyond_target,    ///< read, but there were enough
  time_was_up,      ///< read, but not asked in time, or before the run was stopped
};
inline constexpr std::size_t left_out_reasons = 8;

/// For a summary: "12 opted out, 3 duplicates".
constexpr std::string_view name_of(LeftOut reason) {
  constexpr std::array<std::string_view, left_out_reasons> names{
      "opted out",   "special-purpose addresses", "on the blocklist", "not on the allowlist", "duplicates",
      "done before", "beyond the most",           "not asked in time"};
  return names[static_cast<std::size_t>(reason)];
}

struct TargetFilterOptions {
  TargetList opt_out;  ///< honoured whatever else is said
  bool blocks_special_purpose = true;
  std::optional<TargetList> blocklist{};
  std::optional<TargetList> allowlist{};
  bool keeps_duplicates = false;
  std::size_t seen_room = SeenJobs::usual_room;
};

/// Judges jobs one by one. Remembers them, for duplicates. One thread.
class TargetFilter {
 public:
  explicit TargetFilter(TargetFilterOptions options)
      : options_(std::move(options)), seen_(options_.seen_room) {}

  /// Nothing: it may be asked.
  std::optional<LeftOut> judge(const Job& job);
  /// Jobs that are no longer remembered: duplicates of them are not found.
  std::uint64_t forgotten() const { return seen_.forgotten(); }

 private:
  const TargetFilterOptions options_;
  SeenJobs seen_;
};

}  // namespace spiderling
