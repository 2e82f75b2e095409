// What goes out to the eaters: encoded once, held once, for all of them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace spiderling {

/// By what eaters choose dumplings. Names are numbers here (see NameTable); 0 is a name that no eater asks
/// for.
struct FrameTags {
  std::uint16_t chef = 0;
  std::uint16_t kitchen : 15 = 0;
  std::uint16_t interval : 1 = 0;
};

/// A stream of WebSocket text frames in order of arrival, of which old ones are let go. A server's frames are
/// not masked (RFC 6455 section 5.1), so the same bytes serve every eater: an eater is a cursor into this
/// log, and what lies between its cursor and the end is its queue. A dumpling costs one copy however many
/// eaters there are, a write takes hundreds of frames in one piece, and the memory of all queues together is
/// that of the longest.
///
///     block 7                            block 8, not full yet
///     +-------+-----------+---+------+   +-----+---------+
///     | frame | frame     | f | frame|   | f   | frame   |
///     +-------+-----------+---+------+   +-----+---------+
///                   ^ cursor {7, frame 1, byte 15}       ^ end()
///
/// One thread.
class FrameLog {
 public:
  struct Frame {
    std::uint32_t end;  ///< one past its last byte, in its block
    FrameTags tags;
  };
  struct Block {
    std::uint64_t first_frame = 0;  ///< how many frames were before this block
    std::uint64_t first_byte = 0;   ///< how many bytes
    std::uint32_t capacity = 0;
    std::uint32_t size = 0;
    std::unique_ptr<char[]> bytes;
    std::vector<Frame> frames;

    std::uint32_t start_of(std::uint32_t frame) const { return frame == 0 ? 0 : frames[frame - 1].end; }
  };
  /// A place in the log: the next byte to send, and the frame that it belongs to.
  struct Cursor {
    std::uint64_t block = 0;
    std::uint32_t frame = 0;
    std::uint32_t byte = 0;

    friend bool operator==(const Cursor&, const Cursor&) = default;
  };

  FrameLog();

  /// Encodes a text message as one frame at the end.
  void append(std::string_view message, FrameTags tags);

  /// Where the next frame will be. A cursor stays good until its block is let go.
  Cursor end() const;
  /// Frames and bytes from a cursor to the end; a frame that it stands in counts as whole.
  std::uint64_t frames_after(const Cursor& cursor) const;
  std::uint64_t bytes_after(const Cursor& cursor) const;
  /// The same place, named by a block that holds bytes to send, if there is one.
  void normalize(Cursor& cursor) const;

  const Block& block(std::uint64_t number) const { return *blocks_[number - first_block_]; }
  std::uint64_t last_block() const { return first_block_ + blocks_.size() - 1; }
  std::uint64_t first_block() const { return first_block_; }

  /// Lets go of all blocks before this one.
  void release_before(std::uint64_t block);
  /// Bytes of memory held.
  std::size_t memory() const { return memory_; }
  std::uint64_t total_frames() const;

 private:
  void add_block(std::size_t at_least);

  std::deque<std::unique_ptr<Block>> blocks_;  // never empty
  std::uint64_t first_block_ = 0;
  std::vector<std::unique_ptr<Block>> spare_;  // kept warm: what was just sent is in the processor's cache
  std::size_t memory_ = 0;
};

}  // namespace spiderling
