#include "connect/deadline_queue.h"

namespace spiderling {

void DeadlineQueue::Watch::set(Deadline at) {
  clear();
  queue_.add(*this, at);
}

void DeadlineQueue::Watch::clear() {
  if (is_set()) queue_.remove(*this);
}

DeadlineQueue::DeadlineQueue(boost::asio::io_context& context) : timer_(context) {}

void DeadlineQueue::add(Watch& watch, Deadline at) {
  heap_.emplace_back();
  sift_up(heap_.size() - 1, {at, &watch});
  if (heap_.front().at < armed_) wake_at(heap_.front().at);
}

// The timer stays as it is: it fires too early then, finds nothing due, and is set again. That is rarer than
// removals are.
void DeadlineQueue::remove(Watch& watch) {
  const std::size_t where = watch.place_;
  watch.place_ = Watch::nowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (where == heap_.size()) return;
  if (where > 0 && last.at < heap_[(where - 1) / 2].at) {
    sift_up(where, last);
  } else {
    sift_down(where, last);
  }
}

void DeadlineQueue::place(std::size_t where, const Entry& entry) {
  heap_[where] = entry;
  entry.watch->place_ = where;
}

void DeadlineQueue::sift_up(std::size_t where, const Entry& entry) {
  while (where > 0) {
    const std::size_t parent = (where - 1) / 2;
    if (heap_[parent].at <= entry.at) break;
    place(where, heap_[parent]);
    where = parent;
  }
  place(where, entry);
}

void DeadlineQueue::sift_down(std::size_t where, const Entry& entry) {
  for (std::size_t child = 2 * where + 1; child < heap_.size(); child = 2 * where + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (entry.at <= heap_[child].at) break;
    place(where, heap_[child]);
    where = child;
  }
  place(where, entry);
}

void DeadlineQueue::wake_at(Deadline at) {
  armed_ = at;
  timer_.expires_at(at);  // cancels the wait there was
  timer_.async_wait([self = std::weak_ptr(self_)](const boost::system::error_code& cancelled) {
    const auto queue = self.lock();
    if (!cancelled && queue) (*queue)->on_timer();
  });
}

void DeadlineQueue::on_timer() {
  armed_ = Deadline::max();
  const Deadline now = std::chrono::steady_clock::now();
  while (!heap_.empty() && heap_.front().at <= now) {
    Watch& watch = *heap_.front().watch;
    remove(watch);
    watch.on_deadline();
  }
  if (!heap_.empty() && heap_.front().at < armed_) wake_at(heap_.front().at);
}

}  // namespace spiderling
