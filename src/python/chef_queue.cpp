#include "python/chef_queue.h"

namespace spiderling::python {

namespace {

constexpr std::size_t kept_empty = 4;

}  // namespace

bool ChefQueue::put(WaitingItem item, Bytes bytes) {
  if (!item.is_poke() && !has_room()) return false;
  item.begin = filling_.bytes.size();
  filling_.bytes.insert(filling_.bytes.end(), bytes.begin(), bytes.end());
  filling_.items.push_back(item);
  waiting_items_.fetch_add(1, std::memory_order_relaxed);
  waiting_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
  if (is_full(filling_)) hand_over();
  return true;
}

void ChefQueue::hand_over() {
  if (filling_.items.empty()) return;
  const std::lock_guard lock(mutex_);
  if (is_full(filling_) || idle_) hand_over_locked();
}

void ChefQueue::hand_over_locked() {
  batches_.push_back(std::move(filling_));
  filling_ = {};
  if (!empty_.empty()) {
    filling_ = std::move(empty_.back());
    empty_.pop_back();
  }
  idle_ = false;
  filled_.notify_one();
}

// All at once: the other thread must never find it closed without its last batch.
void ChefQueue::close() {
  const std::lock_guard lock(mutex_);
  if (!filling_.items.empty()) hand_over_locked();
  closed_ = true;
  filled_.notify_one();
}

std::optional<WaitingBatch> ChefQueue::take(WaitingBatch used) {
  used.clear();
  std::unique_lock lock(mutex_);
  if (empty_.size() < kept_empty && used.bytes.capacity() <= 2 * full_batch_bytes)
    empty_.push_back(std::move(used));
  idle_ = batches_.empty();
  filled_.wait(lock, [&] { return abandoned() || closed_ || !batches_.empty(); });
  if (abandoned() || batches_.empty()) return std::nullopt;
  idle_ = false;
  WaitingBatch batch = std::move(batches_.front());
  batches_.pop_front();
  return batch;
}

void ChefQueue::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  filled_.notify_all();
}

void ChefQueue::handled(std::size_t bytes) {
  waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  waiting_items_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace spiderling::python
