#include "campaign/outages.h"

#include <algorithm>

namespace spiderling {

namespace {

constexpr std::size_t most_past = 1000;  // jobs last seconds: older ones matter to none

}  // namespace

void Outages::there(Timestamp at) {
  if (!is_away()) {
    last_good_ = std::max(last_good_, at);
    return;
  }
  if (!seems_back_) good_since_ = at;
  seems_back_ = true;
  if (at - good_since_ < settling) return;
  past_.push_back({away_from_, at});
  if (past_.size() > most_past) past_.pop_front();
  last_good_ = at;
  why_.clear();
}

void Outages::away(Timestamp at, std::string why) {
  if (!is_away()) away_from_ = std::min(last_good_, at);
  seems_back_ = false;
  why_ = std::move(why);
}

Outages::Verdict Outages::judge(Timestamp start, Timestamp stop) const {
  if (is_away() && stop >= away_from_) return Verdict::ask_again;
  for (const Span& one : past_)
    if (start <= one.to && stop >= one.from) return Verdict::ask_again;
  return stop > last_good_ ? Verdict::wait : Verdict::counts;
}

}  // namespace spiderling
