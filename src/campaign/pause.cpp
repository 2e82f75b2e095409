#include "campaign/pause.h"

#include <algorithm>
#include <utility>

namespace spiderling {

namespace {

constexpr std::chrono::milliseconds often_enough{20};

Timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

bool came_to_nothing(const MergedJob& job) {
  return job.missed_flows() > 0 ||
         std::ranges::any_of(job.connections, [](const JobConnection& one) { return !one.record.ok(); });
}

Outages::Verdict judged(const Outages& outages, const MergedJob& job) {
  Timestamp start = Timestamp::max(), stop{};
  for (const JobConnection& one : job.connections) {
    start = std::min(start, one.record.start);
    stop = std::max(stop, one.record.stop);
  }
  return outages.judge(start, stop);
}

Result<std::optional<EchoProbe>> probe_of(const std::string& name, Uplink& uplink) {
  if (name.empty()) return std::nullopt;
  const auto address = name == "gateway" ? uplink.gateway() : IpAddress::parse(name);
  if (!address)
    return error("there is no default route whose gateway could be probed; give --probe an address");
  auto probe = EchoProbe::open(*address);
  if (!probe) return tl::unexpected(probe.error());
  return std::optional<EchoProbe>(std::move(*probe));
}

}  // namespace

Result<std::unique_ptr<Pause>> Pause::make(PauseOptions options) {
  auto uplink = Uplink::open(options.interface);
  if (!uplink) return tl::unexpected(uplink.error());
  auto probe = probe_of(options.probe, *uplink);
  if (!probe) return tl::unexpected(probe.error());
  return std::unique_ptr<Pause>(new Pause(std::move(options), std::move(*uplink), std::move(*probe)));
}

Pause::Pause(PauseOptions options, Uplink uplink, std::optional<EchoProbe> probe)
    : options_(std::move(options)),
      uplink_(std::move(uplink)),
      probe_(std::move(probe)),
      outages_(wall_clock()) {}

void Pause::look() {
  const bool was_away = is_away();
  look_at(wall_clock());
  if (was_away && !is_away()) {
    if (const auto ready = options_.back(); !ready) failure_ = ready.error().message;
  }
  std::vector<MergedJob> still_unsure;
  for (MergedJob& job : unsure_) {
    const bool again = judged(outages_, job) == Outages::Verdict::ask_again;
    if (again) {
      again_.push_back(std::move(job));
    } else {
      still_unsure.push_back(std::move(job));
    }
  }
  unsure_ = std::move(still_unsure);
}

void Pause::look_at(Timestamp now) {
  last_look_ = now;
  std::string away = uplink_.what_is_away();
  // While the interface is away the probe tells nothing new.
  if (away.empty() && probe_) {
    probe_->look(now);
    if (probe_->is_silent(now)) away = fmt::format("{} does not answer", probe_->target().to_string());
  }
  if (!away.empty()) return outages_.away(now, std::move(away));
  outages_.there(probe_ ? probe_->last_good() : now);
}

bool Pause::keeps(MergedJob& job) {
  if (!came_to_nothing(job)) return false;
  const Timestamp now = wall_clock();
  if (now - last_look_ > often_enough || now < last_look_) look();
  const Outages::Verdict verdict = judged(outages_, job);
  if (verdict == Outages::Verdict::counts) return false;
  for (JobConnection& one : job.connections) one.lease = {};  // others may have the port meanwhile
  if (verdict == Outages::Verdict::wait) {
    unsure_.push_back(std::move(job));
  } else {
    again_.push_back(std::move(job));
  }
  return true;
}

bool Pause::take(Job& job) {
  if (is_away() || again_.empty()) return false;
  job = std::move(again_.front().job);
  again_.pop_front();
  ++asked_again_;
  return true;
}

std::vector<MergedJob> Pause::take_counting() {
  std::vector<MergedJob> counting;
  const auto counts = [&](const MergedJob& job) { return judged(outages_, job) == Outages::Verdict::counts; };
  for (MergedJob& job : unsure_)
    if (counts(job)) counting.push_back(std::move(job));
  std::erase_if(unsure_, [](const MergedJob& job) { return job.connections.empty(); });
  return counting;
}

std::vector<MergedJob> Pause::give_up() {
  std::vector<MergedJob> all = std::exchange(unsure_, {});
  std::ranges::move(again_, std::back_inserter(all));
  again_.clear();
  return all;
}

}  // namespace spiderling
