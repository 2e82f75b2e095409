#include "hub/frame_log.h"

#include <algorithm>
#include <cstring>

#include "websocket/frame.h"

namespace spiderling {
namespace {

// Large enough that one write carries hundreds of dumplings, small enough that a block stays in the
// second-level cache while it is sent to one eater after the other.
constexpr std::size_t block_bytes = 64 << 10;
constexpr std::size_t most_spare_blocks = 4;
// Frames for which a fresh block has room before its index grows.
constexpr std::size_t usual_frames = 256;

std::size_t memory_of(const FrameLog::Block& block) {
  return block.capacity + block.frames.capacity() * sizeof(FrameLog::Frame) + sizeof block;
}

// The header of an unmasked final text frame (RFC 6455 section 5.2). Returns its size.
std::size_t put_header(char* out, std::size_t payload) {
  out[0] = static_cast<char>(0x80 | static_cast<unsigned>(Opcode::text));
  const std::size_t length_bytes = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
  out[1] = static_cast<char>(length_bytes == 0 ? payload : length_bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < length_bytes; ++i) {
    out[2 + i] = static_cast<char>(payload >> (8 * (length_bytes - 1 - i)));
  }
  return 2 + length_bytes;
}

}  // namespace

FrameLog::FrameLog() { add_block(block_bytes); }

void FrameLog::add_block(std::size_t at_least) {
  std::unique_ptr<Block> block;
  if (!spare_.empty() && at_least <= block_bytes) {
    block = std::move(spare_.back());
    spare_.pop_back();
    block->frames.clear();
    block->size = 0;
  } else {
    block = std::make_unique<Block>();
    block->capacity = static_cast<std::uint32_t>(std::max(at_least, block_bytes));
    block->bytes = std::make_unique_for_overwrite<char[]>(block->capacity);
    block->frames.reserve(at_least > block_bytes ? 1 : usual_frames);
    memory_ += memory_of(*block);
  }
  if (!blocks_.empty()) {
    const Block& last = *blocks_.back();
    block->first_frame = last.first_frame + last.frames.size();
    block->first_byte = last.first_byte + last.size;
  }
  blocks_.push_back(std::move(block));
}

void FrameLog::append(std::string_view message, FrameTags tags) {
  const std::size_t frame_bytes = frame_size(message.size(), false);
  if (blocks_.back()->capacity - blocks_.back()->size < frame_bytes) add_block(frame_bytes);
  Block& block = *blocks_.back();
  char* out = block.bytes.get() + block.size;
  out += put_header(out, message.size());
  std::memcpy(out, message.data(), message.size());
  block.size += static_cast<std::uint32_t>(frame_bytes);
  const std::size_t index_before = block.frames.capacity();
  block.frames.push_back({block.size, tags});
  memory_ += (block.frames.capacity() - index_before) * sizeof(Frame);
}

FrameLog::Cursor FrameLog::end() const {
  const Block& last = *blocks_.back();
  return {last_block(), static_cast<std::uint32_t>(last.frames.size()), last.size};
}

std::uint64_t FrameLog::frames_after(const Cursor& cursor) const {
  const Block& last = *blocks_.back();
  return last.first_frame + last.frames.size() - (block(cursor.block).first_frame + cursor.frame);
}

std::uint64_t FrameLog::bytes_after(const Cursor& cursor) const {
  const Block& last = *blocks_.back();
  const Block& at = block(cursor.block);
  const std::uint32_t byte = cursor.frame < at.frames.size() ? at.start_of(cursor.frame) : at.size;
  return last.first_byte + last.size - (at.first_byte + byte);
}

void FrameLog::normalize(Cursor& cursor) const {
  while (cursor.frame == block(cursor.block).frames.size() && cursor.block < last_block()) {
    cursor = {cursor.block + 1, 0, 0};
  }
}

void FrameLog::release_before(std::uint64_t number) {
  while (first_block_ < number && blocks_.size() > 1) {
    auto block = std::move(blocks_.front());
    blocks_.pop_front();
    ++first_block_;
    if (block->capacity == block_bytes && spare_.size() < most_spare_blocks) {
      spare_.push_back(std::move(block));
    } else {
      memory_ -= memory_of(*block);
    }
  }
}

std::uint64_t FrameLog::total_frames() const {
  const Block& last = *blocks_.back();
  return last.first_frame + last.frames.size();
}

}  // namespace spiderling
