#include "spiders/growing_window.h"

#include <algorithm>

namespace spiderling {

namespace {

// Of the rate before: twice the size doubles it where answers are waited for, and half of it halves it.
// Between these lies what is only noise.
constexpr double worth_growing = 1.5;
constexpr double as_fast = 0.9;
// Whoever answers in less is not waited for: more at once would only wait in its queue.
constexpr double soon_seconds = 0.01;

}  // namespace

GrowingWindow::GrowingWindow(std::size_t most, Time now)
    : least_(std::min(first, most)), most_(most), size_(least_), began_(now) {}

void GrowingWindow::look(Time now) {
  if (now - began_ < period) return;
  const double rate = static_cast<double>(finished_) / std::chrono::duration<double>(now - began_).count();
  if (full_) {
    judge(rate);
  } else if (trial_ != Trial::none) {
    settle();  // it was enough, and tells nothing else
  }
  began_ = now;
  finished_ = 0;
  full_ = false;
}

void GrowingWindow::judge(double rate) {
  switch (trial_) {
    case Trial::larger:
      return rate >= worth_growing * rate_before_ && !answers_soon(rate) ? begin(Trial::larger, rate)
                                                                         : back();
    case Trial::smaller:
      return rate > 0 && rate >= as_fast * rate_before_ ? begin(Trial::smaller, rate) : back();
    case Trial::none: break;
  }
  if (rest_ > 0) {
    --rest_;
    return;
  }
  begin(answers_soon(rate) ? Trial::smaller : next_, rate);
}

// By Little's law.
bool GrowingWindow::answers_soon(double rate) const {
  return static_cast<double>(size_) < soon_seconds * rate;
}

void GrowingWindow::begin(Trial trial, double rate) {
  next_ = trial == Trial::larger ? Trial::smaller : Trial::larger;
  size_before_ = size_;
  rate_before_ = rate;
  size_ = trial == Trial::larger ? size_ + std::min(size_, most_ - size_) : std::max(size_ / 2, least_);
  if (size_ == size_before_) return settle();
  trial_ = trial;
}

void GrowingWindow::back() {
  size_ = size_before_;
  settle();
}

void GrowingWindow::settle() {
  trial_ = Trial::none;
  rest_ = rest;
}

}  // namespace spiderling
