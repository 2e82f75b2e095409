// Turns a file, packed or not, into chunks of trace bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/chunk.h"
#include "capture/input_file.h"
#include "capture/unpacker.h"

namespace spiderling {

/// Gives the bytes of a trace, unpacked, front to back. Every chunk is full but the last one and those that a
/// slow pipe did not fill in time: so the same file always gives the same chunks. One thread calls next();
/// is_..., done(), total() and cancel() may be called from any.
class ByteReader {
 public:
  /// Looks at the first bytes to choose the unpacker. An empty input, and one packed in a way that is not
  /// known here, are errors.
  static Result<std::unique_ptr<ByteReader>> open(const std::string& path);

  /// The next chunk (never empty), or the end, or neither if a signal came. Blocks for as long as a pipe's
  /// writer takes; after cancel() gives the end. The first chunk holds at least `first_minimum` bytes unless
  /// there are fewer.
  Piece next();
  static constexpr std::size_t first_minimum = 32;

  /// True if next() neither waits for a sender nor unpacks: the thread that uses the bytes can call it.
  bool is_plain_file() const { return input_->is_regular() && !unpacker_; }
  /// True if next() is never late for want of a sender.
  bool is_regular() const { return input_->is_regular(); }
  /// Bytes of the file, as stored, that were read; and how many there are, 0 if unknown.
  std::uint64_t done() const { return input_->done(); }
  std::uint64_t total() const { return input_->total(); }
  void cancel() { input_->cancel(); }
  /// See InputFile.
  void end_at_present_size() { input_->end_at_present_size(); }

 private:
  explicit ByteReader(std::unique_ptr<InputFile> input);
  bool read_head();
  void fill(Chunk& chunk);
  bool unpack_into(Chunk& chunk);
  void copy_into(Chunk& chunk);
  bool read_into(Chunk& chunk);
  bool handle_end(const InputFile::Got& got);

  std::unique_ptr<InputFile> input_;
  std::unique_ptr<Unpacker> unpacker_;
  ChunkPool pool_;
  // Bytes as stored, not yet used: [stored_from_, stored_to_) of stored_.
  std::vector<std::uint8_t> stored_;
  std::size_t stored_from_ = 0;
  std::size_t stored_to_ = 0;
  bool first_ = true;
  bool unpacked_more_ = false;  // the unpacker may hold bytes that did not fit
  bool ended_ = false;
  std::string damage_;
};

}  // namespace spiderling
