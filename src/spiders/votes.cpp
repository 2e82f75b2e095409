#include "spiders/votes.h"

#include <algorithm>
#include <utility>

namespace spiderling {

std::optional<AnsweredJob> Votes::add(AnsweredJob answered) {
  if (times_ <= 1) return answered;
  const std::uint64_t line = answered.job.job.line;
  // No packet of it can come any more, and the port may serve the next time.
  for (JobConnection& one : answered.job.connections) one.lease.give_back();
  Ballot& ballot = ballots_[line];
  ++ballot.times;
  auto same = std::ranges::find(
      ballot.answers, answered.conditions,
      [](const Answer& answer) -> const auto& { return answer.first.conditions; });
  if (same == ballot.answers.end()) {
    ballot.answers.push_back({std::move(answered)});
    same = std::prev(ballot.answers.end());
  } else {
    ++same->votes;
  }
  const bool is_majority = same->votes > times_ / 2;
  if (!is_majority && ballot.times < times_) return std::nullopt;
  AnsweredJob decided = winner(std::move(ballot));
  ballots_.erase(line);
  return decided;
}

std::vector<AnsweredJob> Votes::close() {
  std::vector<AnsweredJob> decided;
  for (auto& [line, ballot] : ballots_) decided.push_back(winner(std::move(ballot)));
  ballots_.clear();
  return decided;
}

AnsweredJob Votes::winner(Ballot&& ballot) {
  const auto most = std::ranges::max_element(ballot.answers, {}, &Answer::votes);  // the first of several
  AnsweredJob decided = std::move(most->first);
  decided.times = ballot.times;
  return decided;
}

}  // namespace spiderling
