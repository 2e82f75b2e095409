#include "jobs/retry_room.h"

#include <algorithm>
#include <utility>

namespace spiderling {

unsigned RetryRoom::attempt(const Job& job) const {
  const auto kept = kept_.find(job.line);
  return kept == kept_.end() ? 1 : kept->second.attempts;
}

void RetryRoom::put_back(Job job, Attempted found, Time now) {
  Kept& kept = kept_[job.line];
  ++kept.attempts;
  kept.found = std::move(found);
  waiting_.push_back({now + pause_, std::move(job)});
}

bool RetryRoom::take(Time now, Job& job) {
  if (waiting_.empty() || waiting_.front().due > now) return false;
  job = std::move(waiting_.front().job);
  waiting_.pop_front();
  return true;
}

std::vector<Attempted> RetryRoom::clear() {
  std::vector<Attempted> found;
  found.reserve(kept_.size());
  for (auto& [line, kept] : kept_) found.push_back(std::move(kept.found));
  kept_.clear();
  waiting_.clear();
  std::ranges::sort(found, {}, &Attempted::line);
  return found;
}

}  // namespace spiderling
