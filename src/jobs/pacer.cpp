#include "jobs/pacer.h"

#include <algorithm>
#include <utility>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

// So much of the past may be made up for at once.
constexpr Pacer::Duration slack = 20ms;

Pacer::Duration interval_of(double rate) {
  if (rate <= 0) return {};
  return std::chrono::duration_cast<Pacer::Duration>(std::chrono::duration<double>(1 / rate));
}

}  // namespace

std::uint64_t neighbourhood(const IpAddress& address) {
  const std::size_t bytes = address.version == IpVersion::v4 ? 3 : 6;
  if (address.version == IpVersion::none) return 0;
  std::uint64_t prefix = static_cast<std::uint64_t>(address.version);
  for (std::size_t i = 0; i < bytes; ++i) prefix = prefix << 8 | address.bytes[i];
  return prefix;
}

Pacer::Pacer(const PacerOptions& options)
    : options_(options),
      interval_(interval_of(options.rate)),
      prefix_interval_(interval_of(options.rate_per_prefix)) {}

void Pacer::add(Job job, Time now) {
  ++waiting_;
  const std::uint64_t prefix = options_.rate_per_prefix > 0 ? neighbourhood(job.dip) : 0;
  if (prefix == 0) {
    free_.push_back(std::move(job));
    return;
  }
  const auto [lane, is_new] = lanes_.try_emplace(prefix);
  lane->second.jobs.push_back(std::move(job));
  if (!is_new) return;
  lane->second.free_at = now;
  due_.push({now, ++order_, prefix});
}

bool Pacer::take(Time now, Job& job) {
  if (!open(now)) return false;
  if (!free_.empty()) {
    spend(now, std::move(free_.front()), job);
    free_.pop_front();
    return true;
  }
  while (!due_.empty() && due_.top().at <= now) {
    const std::uint64_t prefix = due_.top().prefix;
    due_.pop();
    const auto lane = lanes_.find(prefix);
    auto& [free_at, jobs] = lane->second;
    if (jobs.empty()) {
      lanes_.erase(lane);
      continue;
    }
    spend(now, std::move(jobs.front()), job);
    jobs.pop_front();
    free_at = std::max(free_at, now - slack) + prefix_interval_;
    due_.push({free_at, ++order_, prefix});
    return true;
  }
  return false;
}

void Pacer::spend(Time now, Job&& from, Job& to) {
  to = std::move(from);
  --waiting_;
  if (options_.rate > 0) free_at_ = std::max(free_at_, now - slack) + interval_;
}

std::vector<Job> Pacer::clear() {
  std::vector<Job> jobs(std::make_move_iterator(free_.begin()), std::make_move_iterator(free_.end()));
  for (auto& [prefix, lane] : lanes_) {
    for (Job& job : lane.jobs) jobs.push_back(std::move(job));
  }
  free_.clear();
  lanes_.clear();
  due_ = {};
  waiting_ = 0;
  return jobs;
}

}  // namespace spiderling
