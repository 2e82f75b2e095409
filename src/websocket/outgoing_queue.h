// What waits to be sent to a hub: bounded, in order, kept until the hub has it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "websocket/frame.h"

namespace spiderling {

struct QueueLimits {
  std::size_t messages = 200'000;
  std::size_t bytes = 64 << 20;  ///< of messages with their frame headers, as they are held
};

/// What became of the messages given to send(). accepted = confirmed + lost + waiting.
struct OutgoingCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;     ///< queue full: never taken
  std::uint64_t confirmed = 0;   ///< the hub has answered a ping sent behind them
  std::uint64_t sent_again = 0;  ///< were on their way when a connection broke: may have arrived twice
  std::uint64_t lost = 0;        ///< were on their way when a connection broke, and not sent again
  std::uint64_t waiting = 0;     ///< not yet confirmed
  std::uint64_t waiting_bytes = 0;
};

/// The queue between those who send and the connection that writes. Messages are encoded as masked text
/// frames when they are pushed, many to a block; a block is written as it is, and freed once the peer
/// confirmed it (a pong to a ping that was sent behind it).
///
/// Full-queue policy: push() refuses the new message and counts it; nothing that was accepted is ever thrown
/// out. Thread-safety: push(), counters() and size queries from any thread; all else from the one thread that
/// writes.
class OutgoingQueue {
 public:
  explicit OutgoingQueue(QueueLimits limits) : limits_(limits) {}

  /// False, counted as refused: no room, or closed.
  bool push(std::string_view message);
  /// Many messages at once, each with a newline behind it: one lock and one waking for all. Gives what was
  /// not taken, from the first for which there was no room on; to count that is the caller's.
  std::string_view push_lines(std::string_view lines);
  /// No more is accepted.
  void close();
  OutgoingCounters counters() const;
  /// Waits until all that was accepted is confirmed. False: the deadline came first.
  bool wait_until_empty(std::chrono::milliseconds deadline) const;

  /// Called (under the queue's lock, so it may only post) when something was pushed after take() had given
  /// nothing.
  void on_filled(std::function<void()> wake);

  /// Puts the next blocks to write into `blocks`, oldest first, up to about `max_bytes`: valid until they are
  /// confirmed. Blocks taken before count as written. False: there is nothing to write.
  bool take(std::vector<std::string_view>& blocks, std::size_t max_bytes);
  /// All that was taken is written.
  void written();
  /// The number of the last block written: the peer's answer to a ping with it is confirm().
  std::uint64_t written_number() const;
  /// The peer has every block up to this number; ignored where the blocks are not written yet.
  void confirm(std::uint64_t number);
  /// Written, and not yet confirmed.
  bool unconfirmed() const;
  /// The connection is gone: what was taken and not confirmed is sent again by the next one, or is lost.
  void rewind(bool send_again);

 private:
  struct Block {
    std::string frames;
    std::uint64_t messages = 0;
  };
  bool append(std::string_view message);
  void wake();
  void seal();
  void free_front();

  const QueueLimits limits_;
  mutable std::mutex mutex_;
  mutable std::condition_variable emptied_;
  std::deque<Block> blocks_;        // oldest first: written, being written, waiting
  std::size_t taken_ = 0;           // how many of blocks_ were taken
  std::size_t written_ = 0;         // how many of blocks_ are written
  std::uint64_t freed_blocks_ = 0;  // the number of a block: freed_blocks_ + its index + 1
  Block open_;                      // filled by push()
  std::vector<std::string> spare_;
  std::function<void()> wake_;
  bool wake_wanted_ = false;
  bool closed_ = false;
  MaskKeys keys_;
  OutgoingCounters counters_;
};

}  // namespace spiderling
