// The bytes of a trace as they pass from the one reader to the streams of all shards.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace spiderling {

/// A run of consecutive bytes of a trace. Filled by one reader, then only read; any number of streams may
/// hold it.
struct Chunk {
  /// One pread() of this size stays in a core's second-level cache until the packets in it have been looked
  /// at: 5 times faster than mapping the file, whose every packet is a cache miss.
  static constexpr std::size_t capacity = 512u << 10;

  std::unique_ptr<std::uint8_t[]> bytes;
  std::size_t size = 0;
};
using ChunkPtr = std::shared_ptr<const Chunk>;

/// Hands out chunks and takes them back when the last holder lets go, so that a trace of any size is read
/// through the same few buffers. Thread-safe; chunks may outlive the pool.
class ChunkPool {
 public:
  /// An empty chunk with room for Chunk::capacity bytes, not zeroed.
  std::shared_ptr<Chunk> get() {
    std::unique_ptr<Chunk> chunk = shelf_->take();
    if (!chunk) {
      chunk = std::make_unique<Chunk>();
      chunk->bytes = std::make_unique_for_overwrite<std::uint8_t[]>(Chunk::capacity);
    }
    chunk->size = 0;
    return {chunk.release(), [shelf = shelf_](Chunk* done) { shelf->put(std::unique_ptr<Chunk>(done)); }};
  }

 private:
  struct Shelf {
    std::unique_ptr<Chunk> take() {
      const std::lock_guard lock(mutex);
      if (spare.empty()) return nullptr;
      std::unique_ptr<Chunk> chunk = std::move(spare.back());  // the one still in cache
      spare.pop_back();
      return chunk;
    }
    void put(std::unique_ptr<Chunk> chunk) {
      const std::lock_guard lock(mutex);
      spare.push_back(std::move(chunk));
    }
    std::mutex mutex;
    std::vector<std::unique_ptr<Chunk>> spare;
  };
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

/// What a reader gives: a chunk, or the end (no chunk) with what was wrong if the end came too early.
struct Piece {
  ChunkPtr chunk;
  bool paused = false;  ///< with a chunk: it is not full since a pipe's writer took a pause
  bool ended = false;   ///< without a chunk: true at the end, false if nothing came in time
  std::string damage;   ///< with `ended`: why the bytes stop before they should; empty if they do not
};

}  // namespace spiderling
