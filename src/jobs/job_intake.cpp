#include "jobs/job_intake.h"

#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "jobs/job_fields.h"

namespace spiderling {
namespace {

/// Jobs looked at in one call: a list of nothing but duplicates is not to keep an event loop from its work.
constexpr unsigned most_at_once = 4096;

}  // namespace

std::uint64_t IntakeCounters::all_left_out() const {
  return std::accumulate(left_out.begin(), left_out.end(), std::uint64_t{0});
}

std::string IntakeCounters::text() const {
  std::string text;
  for (std::size_t i = 0; i < left_out_reasons; ++i) {
    if (left_out[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? ", left out: " : ", ", left_out[i],
                        name_of(static_cast<LeftOut>(i)));
    const bool are_all_private = given == 0 && static_cast<LeftOut>(i) == LeftOut::special_purpose;
    if (are_all_private) text += " (--blocklist none asks them)";
  }
  if (without_address > 0) text += fmt::format(", {} without an address", without_address);
  if (repeated > 0) text += fmt::format(", {} times measured once more", repeated);
  if (asked_again > 0) text += fmt::format(", {} times asked again", asked_again);
  if (reached_max_targets) text += ", stopped at the most targets";
  if (reached_max_duration) text += ", stopped when the time was up";
  if (forgotten > 0) text += fmt::format(", duplicates of the first {} jobs may be among them", forgotten);
  return text;
}

JobIntake::JobIntake(JobReader& reader, JobIntakeOptions options)
    : reader_(reader),
      options_(std::move(options)),
      filter_(options_.filter),
      pacer_(options_.pace),
      retries_(options_.retries, options_.retry_pause) {
  if (options_.shuffle) window_.emplace(options_.shuffle_window, options_.seed);
}

JobIntake::State JobIntake::next(Job& job) {
  const auto now = options_.now();
  if (must_stop(now)) return State::ended;
  for (unsigned looked_at = 0; looked_at < most_at_once; ++looked_at) {
    if (!pacer_.open(now) && pacer_.waiting() > 0) return State::waiting;
    if (pacer_.take(now, job)) {
      give(job);
      return State::job;
    }
    if (!pacer_.has_room()) return State::waiting;
    Job another;
    if (!again_.empty()) {
      pacer_.add(std::move(again_.front()), now);
      again_.pop_front();
      continue;
    }
    if (retries_.take(now, another)) {
      pacer_.add(std::move(another), now);
      continue;
    }
    if (retries_.waiting() >= options_.retry_room) return State::waiting;
    const State state = pull(another, false);
    if (state == State::ended) return all_is_done() ? State::ended : State::waiting;
    if (state == State::waiting) return State::waiting;
    ++new_inside_;
    pacer_.add(std::move(another), now);
  }
  return State::waiting;
}

bool JobIntake::wait(Job& job) {
  if (must_stop(options_.now()) || pull(job, true) != State::job) return false;
  ++new_inside_;
  give(job);
  return true;
}

bool JobIntake::must_stop(Pacer::Time now) {
  if (stopped_) return true;
  if (!started_) started_ = now;
  if (options_.max_duration.count() == 0 || now - *started_ < options_.max_duration) return false;
  counters_.reached_max_duration = !list_ended_ || new_inside_ > 0 || retries_.waiting() > 0;
  stop();
  return true;
}

bool JobIntake::all_is_done() const {
  const bool may_come_back = options_.retries > 0 || options_.gives_again;
  return pacer_.waiting() == 0 && retries_.waiting() == 0 && again_.empty() && (!may_come_back || out_ == 0);
}

void JobIntake::give(const Job& job) {
  ++out_;
  if (again_lines_.erase(job.line) > 0) {
    ++counters_.repeated;
    return;
  }
  if (options_.retries > 0 && attempt(job) > 1) {
    ++counters_.asked_again;
    return;
  }
  --new_inside_;
  ++counters_.given;
  if (job.dip.version == IpVersion::none) ++counters_.without_address;
}

// The next job that is to be asked, whenever that may be.
JobIntake::State JobIntake::pull(Job& job, bool waits) {
  for (unsigned looked_at = 0; waits || looked_at < most_at_once; ++looked_at) {
    if (options_.max_targets > 0 && targets_ >= options_.max_targets) end_at_max_targets();
    State state = State::ended;
    if (window_) {
      state = fill_window(waits);
      if (state == State::job) job = window_->draw();
    } else {
      state = read(job, waits);
    }
    if (state != State::job) return state;
    ++targets_;
    if (!options_.skip || !options_.skip(job)) return State::job;
    leave_out(LeftOut::done_before);
  }
  return State::waiting;
}

void JobIntake::end_at_max_targets() {
  const std::size_t in_window = window_ ? window_->size() : 0;
  if (list_ended_ && in_window == 0) return;
  counters_.reached_max_targets = true;
  list_ended_ = true;
  reader_.stop();
  leave_out(LeftOut::beyond_target, in_window);
  if (window_) window_->clear();
}

// `job`: there is one to draw. Never from a window that is not yet full: the order would depend on how fast
// the list came.
JobIntake::State JobIntake::fill_window(bool waits) {
  while (!list_ended_ && !window_->is_full()) {
    Job job;
    const State state = read(job, waits);
    if (state == State::waiting) return state;
    if (state == State::job) window_->put(std::move(job));
  }
  return window_->is_empty() ? State::ended : State::job;
}

// The next job of the list that passes the filter.
JobIntake::State JobIntake::read(Job& job, bool waits) {
  for (unsigned looked_at = 0; waits || looked_at < most_at_once; ++looked_at) {
    if (list_ended_) return State::ended;
    State state = State::job;
    if (!waits) {
      state = reader_.next(job);
    } else if (!reader_.wait(job)) {
      state = State::ended;
    }
    if (state == State::ended) list_ended_ = true;
    if (state != State::job) return state;
    if (accept(job)) return State::job;
  }
  return State::waiting;
}

bool JobIntake::accept(Job& job) {
  if (options_.port) set_port(job, *options_.port);
  const auto reason = filter_.judge(job);
  counters_.forgotten = filter_.forgotten();
  if (reason) leave_out(*reason);
  return !reason;
}

void JobIntake::ask_again(Job job, Attempted found) {
  --out_;
  retries_.put_back(std::move(job), std::move(found), options_.now());
}

void JobIntake::give_again(Job job) {
  --out_;
  if (stopped_) return;
  again_lines_.insert(job.line);
  again_.push_back(std::move(job));
}

void JobIntake::finished(const Job& job) {
  --out_;
  retries_.finished(job);
}

void JobIntake::stop() {
  if (std::exchange(stopped_, true)) return;
  list_ended_ = true;
  reader_.stop();
  leave_out(LeftOut::time_was_up, new_inside_ + (window_ ? window_->size() : 0));
  new_inside_ = 0;
  pacer_.clear();
  again_.clear();
  again_lines_.clear();
  if (window_) window_->clear();
}

void JobIntake::leave_out(LeftOut reason, std::uint64_t count) {
  counters_.left_out[static_cast<std::size_t>(reason)] += count;
}

}  // namespace spiderling
