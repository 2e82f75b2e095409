// What waits for a chef in Python: packets, copied, and pokes, in batches.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "spiderling/packet.h"

namespace spiderling::python {

struct WaitingItem {
  std::int64_t time_ns = 0;     ///< of the packet
  std::int64_t created_ns = 0;  ///< what dumplings made of it bear, where the terms say so
  double interval = -1;         ///< of a poke, in seconds; negative: it is a packet
  std::size_t begin = 0;        ///< of the packet's bytes in its batch
  std::uint32_t captured = 0;
  std::uint32_t wire_length = 0;
  LinkType link_type = LinkType::ethernet;
  bool is_poke() const { return interval >= 0; }
};

/// Handled in one turn of the interpreter's lock.
struct WaitingBatch {
  std::vector<std::uint8_t> bytes;
  std::vector<WaitingItem> items;
  void clear() {
    bytes.clear();
    items.clear();
  }
};

/// Bounded by packets and by bytes. One thread puts, one takes. A batch is handed over when it is full, or
/// when the other thread has nothing to do: the busier that is, the larger the batches.
class ChefQueue {
 public:
  static constexpr std::size_t most_items = 65'536;
  static constexpr std::size_t most_bytes = std::size_t{32} << 20;

  /// False: there is no room. A poke always finds some.
  bool put(WaitingItem item, Bytes bytes);
  void hand_over();
  /// No more will be put.
  void close();
  /// The next batch, once there is one; nothing: closed and empty, or abandoned. `used`: the one before, for
  /// its memory.
  std::optional<WaitingBatch> take(WaitingBatch used);
  /// What waits is let go.
  void abandon();
  bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }
  bool has_room() const { return waiting_items_ < most_items && waiting_bytes_ < most_bytes; }
  /// So that one who waited for room has something to do with it.
  bool has_much_room() const {
    return waiting_items_ < most_items / 4 * 3 && waiting_bytes_ < most_bytes / 4 * 3;
  }
  std::size_t waiting() const { return waiting_items_; }
  /// For the one that takes, when it has handled an item.
  void handled(std::size_t bytes);

 private:
  static constexpr std::size_t full_batch_items = 256;
  static constexpr std::size_t full_batch_bytes = std::size_t{256} << 10;

  bool is_full(const WaitingBatch& batch) const {
    return batch.items.size() >= full_batch_items || batch.bytes.size() >= full_batch_bytes;
  }

  void hand_over_locked();

  WaitingBatch filling_;  // of the thread that puts
  std::atomic<std::size_t> waiting_items_ = 0;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  std::atomic<bool> abandoned_ = false;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<WaitingBatch> batches_;
  std::vector<WaitingBatch> empty_;
  bool idle_ = true;  // the thread that takes has nothing
  bool closed_ = false;
};

}  // namespace spiderling::python
