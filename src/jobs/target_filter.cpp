#include "jobs/target_filter.h"

#include "jobs/special_purpose.h"

namespace spiderling {

std::optional<LeftOut> TargetFilter::judge(const Job& job) {
  if (options_.opt_out.covers(job)) return LeftOut::opted_out;
  if (options_.blocks_special_purpose && special_purpose_of(job.dip) != nullptr)
    return LeftOut::special_purpose;
  if (options_.blocklist && options_.blocklist->covers(job)) return LeftOut::blocked;
  if (options_.allowlist && !options_.allowlist->covers(job)) return LeftOut::not_allowed;
  if (!options_.keeps_duplicates && seen_.seen_before(job)) return LeftOut::duplicate;
  return std::nullopt;
}

}  // namespace spiderling
