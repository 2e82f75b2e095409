// The bytes of a job list, unpacked if it is packed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/input_file.h"
#include "capture/unpacker.h"

namespace spiderling {

/// Gives what an input holds, whatever it is packed with (gzip, zstd, bzip2: by content, not by name), as
/// soon as it comes: of a list that is not packed even its first bytes. What came before damage is given,
/// too.
///
/// Thread-safety: read() from one; the input's cancel() ends it from any.
class ListInput {
 public:
  /// `name`: for messages. The input outlives it.
  ListInput(InputFile& input, std::string name) : input_(input), name_(std::move(name)) {}

  struct Got {
    InputFile::State state;  ///< `failed`: damage() says why
    std::size_t size = 0;
  };
  /// At least one byte, or why not. Waits as long as it takes.
  Got read(std::span<std::uint8_t> room);
  /// One line for a person.
  const std::string& damage() const { return damage_; }
  bool is_packed() const { return unpacker_ != nullptr; }

 private:
  Got read_head();
  Got give_stored(std::span<std::uint8_t> room);
  Got unpack(std::span<std::uint8_t> room);
  Got fail(std::string why);
  Got fail(const InputFile::Got& got);

  static constexpr std::size_t head_bytes = 8;  // enough to tell how it is packed
  static constexpr std::size_t stored_bytes = 128u << 10;

  InputFile& input_;
  const std::string name_;
  std::unique_ptr<Unpacker> unpacker_;
  // Bytes as stored, not yet used: [from_, to_).
  std::vector<std::uint8_t> stored_ = std::vector<std::uint8_t>(stored_bytes);
  std::size_t from_ = 0;
  std::size_t to_ = 0;
  bool head_read_ = false;
  bool input_ended_ = false;
  bool may_hold_more_ = false;  // the unpacker, of bytes that did not fit
  std::string damage_;
};

}  // namespace spiderling
