#include "websocket/outgoing_queue.h"

namespace spiderling {

namespace {

constexpr std::size_t block_bytes = 64 << 10;
constexpr std::size_t spare_blocks = 16;  // freed blocks that are kept for reuse

}  // namespace

bool OutgoingQueue::push(std::string_view message) {
  const std::lock_guard lock(mutex_);
  if (!append(message)) {
    ++counters_.refused;
    return false;
  }
  wake();
  return true;
}

std::string_view OutgoingQueue::push_lines(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (!append(lines.substr(0, end))) break;
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  wake();
  return lines;
}

bool OutgoingQueue::append(std::string_view message) {
  const std::size_t size = frame_size(message.size(), true);
  if (closed_ || counters_.waiting >= limits_.messages || counters_.waiting_bytes + size > limits_.bytes) {
    return false;
  }
  if (open_.frames.size() + size > block_bytes) seal();
  if (open_.frames.capacity() == 0 && !spare_.empty()) {
    open_.frames = std::move(spare_.back());
    spare_.pop_back();
  }
  append_masked_frame(open_.frames, Opcode::text, message, keys_.next());
  ++open_.messages;
  ++counters_.accepted;
  ++counters_.waiting;
  counters_.waiting_bytes += size;
  return true;
}

void OutgoingQueue::wake() {
  if (!wake_wanted_ || !wake_ || counters_.waiting == 0) return;
  wake_wanted_ = false;
  wake_();
}

// Ends the block that is being filled. A block that holds little is copied to its size, so that many small
// ones waiting for a slow hub take the memory that is accounted for.
void OutgoingQueue::seal() {
  if (open_.messages == 0) return;
  if (open_.frames.size() < open_.frames.capacity() / 2) {
    blocks_.push_back({std::string(open_.frames), open_.messages});
    open_.frames.clear();
    open_.messages = 0;
  } else {
    blocks_.push_back(std::move(open_));
    open_ = {};
  }
}

void OutgoingQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

OutgoingCounters OutgoingQueue::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

bool OutgoingQueue::wait_until_empty(std::chrono::milliseconds deadline) const {
  std::unique_lock lock(mutex_);
  return emptied_.wait_for(lock, deadline, [this] { return counters_.waiting == 0; });
}

void OutgoingQueue::on_filled(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  wake_wanted_ = false;
}

bool OutgoingQueue::take(std::vector<std::string_view>& blocks, std::size_t max_bytes) {
  blocks.clear();
  const std::lock_guard lock(mutex_);
  if (taken_ == blocks_.size()) seal();
  std::size_t bytes = 0;
  while (taken_ < blocks_.size() && (bytes == 0 || bytes + blocks_[taken_].frames.size() <= max_bytes)) {
    blocks.emplace_back(blocks_[taken_].frames);
    bytes += blocks_[taken_].frames.size();
    ++taken_;
  }
  wake_wanted_ = blocks.empty();
  return !blocks.empty();
}

void OutgoingQueue::written() {
  const std::lock_guard lock(mutex_);
  written_ = taken_;
}

std::uint64_t OutgoingQueue::written_number() const {
  const std::lock_guard lock(mutex_);
  return freed_blocks_ + written_;
}

bool OutgoingQueue::unconfirmed() const {
  const std::lock_guard lock(mutex_);
  return written_ > 0;
}

void OutgoingQueue::free_front() {
  Block& block = blocks_.front();
  counters_.waiting -= block.messages;
  counters_.waiting_bytes -= block.frames.size();
  if (spare_.size() < spare_blocks && block.frames.capacity() >= block_bytes / 2 &&
      block.frames.capacity() <= 2 * block_bytes) {
    block.frames.clear();
    spare_.push_back(std::move(block.frames));
  }
  blocks_.pop_front();
  ++freed_blocks_;
  --taken_;
  if (written_ > 0) --written_;
}

void OutgoingQueue::confirm(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (number > freed_blocks_ + written_) return;
  while (freed_blocks_ < number) {
    counters_.confirmed += blocks_.front().messages;
    free_front();
  }
  if (counters_.waiting == 0) emptied_.notify_all();
}

void OutgoingQueue::rewind(bool send_again) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; send_again && i < taken_; ++i) counters_.sent_again += blocks_[i].messages;
  while (!send_again && taken_ > 0) {
    counters_.lost += blocks_.front().messages;
    free_front();
  }
  taken_ = written_ = 0;
  if (counters_.waiting == 0) emptied_.notify_all();
}

}  // namespace spiderling
