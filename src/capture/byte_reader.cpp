#include "capture/byte_reader.h"

#include <algorithm>
#include <cstring>

namespace spiderling {
namespace {

constexpr std::size_t stored_capacity = 256u << 10;
/// Long enough that a writer that does its best fills a chunk, short enough for a person who watches.
constexpr std::chrono::milliseconds pipe_patience{50};
constexpr std::chrono::milliseconds for_ever{-1};

}  // namespace

Result<std::unique_ptr<ByteReader>> ByteReader::open(const std::string& path) {
  auto input = InputFile::open(path);
  if (!input) return tl::unexpected(input.error());
  auto reader = std::unique_ptr<ByteReader>(new ByteReader(std::move(*input)));
  const std::string name = path == "-" ? "standard input" : path;
  if (!reader->read_head()) return error("{}: reading was interrupted", name);
  if (!reader->damage_.empty()) return error("{}: {}", name, reader->damage_);
  if (reader->stored_to_ == 0) return error("{} is empty, not a capture file; check what wrote it", name);
  auto unpacker = Unpacker::choose(std::span(reader->stored_).first(reader->stored_to_), name);
  if (!unpacker) return tl::unexpected(unpacker.error());
  reader->unpacker_ = std::move(*unpacker);
  return reader;
}

ByteReader::ByteReader(std::unique_ptr<InputFile> input)
    : input_(std::move(input)), stored_(stored_capacity) {}

// Enough to tell the format. False if a signal came first.
bool ByteReader::read_head() {
  while (stored_to_ < first_minimum && !ended_) {
    // A small read: what follows goes straight into chunks.
    const auto got = input_->read(std::span(stored_).subspan(stored_to_, 4096 - stored_to_), for_ever);
    if (got.state == InputFile::State::waiting) return false;
    if (got.state == InputFile::State::data) {
      stored_to_ += got.size;
    } else {
      handle_end(got);
    }
  }
  return true;
}

Piece ByteReader::next() {
  if (ended_ && stored_from_ == stored_to_ && !unpacked_more_) return {nullptr, false, true, damage_};
  const auto chunk = pool_.get();
  fill(*chunk);
  if (chunk->size > 0) {
    first_ = false;
    return {chunk, chunk->size < Chunk::capacity && !ended_, false, {}};
  }
  return {nullptr, false, ended_, damage_};
}

void ByteReader::fill(Chunk& chunk) {
  while (chunk.size < Chunk::capacity) {
    if (unpacker_) {
      if (stored_from_ < stored_to_ || unpacked_more_) {
        if (!unpack_into(chunk)) return;
        continue;
      }
    } else if (stored_from_ < stored_to_) {
      copy_into(chunk);
      continue;
    }
    if (ended_ || !read_into(chunk)) return;
  }
}

bool ByteReader::unpack_into(Chunk& chunk) {
  const std::size_t room = Chunk::capacity - chunk.size;
  auto step = unpacker_->unpack(std::span(stored_).subspan(stored_from_, stored_to_ - stored_from_),
                                {chunk.bytes.get() + chunk.size, room});
  stored_from_ += step.used;
  chunk.size += step.made;
  unpacked_more_ = step.made == room;
  if (step.damage.empty()) return true;
  damage_ = std::move(step.damage);
  ended_ = true;
  stored_from_ = stored_to_ = 0;
  unpacked_more_ = false;
  return false;
}

void ByteReader::copy_into(Chunk& chunk) {
  const std::size_t size = std::min(stored_to_ - stored_from_, Chunk::capacity - chunk.size);
  std::memcpy(chunk.bytes.get() + chunk.size, stored_.data() + stored_from_, size);
  chunk.size += size;
  stored_from_ += size;
}

// False if the chunk is to be given as it is.
bool ByteReader::read_into(Chunk& chunk) {
  const bool enough = chunk.size >= (first_ ? first_minimum : 1);
  const auto wait = enough ? pipe_patience : for_ever;
  if (!unpacker_) {
    const auto got = input_->read({chunk.bytes.get() + chunk.size, Chunk::capacity - chunk.size}, wait);
    if (got.state != InputFile::State::data) return handle_end(got);
    chunk.size += got.size;
    return true;
  }
  const auto got = input_->read(stored_, wait);
  if (got.state != InputFile::State::data) return handle_end(got);
  stored_from_ = 0;
  stored_to_ = got.size;
  return true;
}

bool ByteReader::handle_end(const InputFile::Got& got) {
  switch (got.state) {
    case InputFile::State::data: return true;
    case InputFile::State::waiting: return false;
    case InputFile::State::cancelled: ended_ = true; return false;
    case InputFile::State::failed:
      ended_ = true;
      damage_ = fmt::format("cannot be read on: {}", std::strerror(got.error));
      return false;
    case InputFile::State::ended: break;
  }
  ended_ = true;
  if (unpacker_ && !unpacker_->complete()) damage_ = "the packed data is cut before its end";
  return false;
}

}  // namespace spiderling
