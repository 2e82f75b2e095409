// zstd the other way: what is written, packed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace spiderling {

/// Packs runs of bytes so that each can be unpacked once it is there, whatever becomes of those behind it: a
/// file that was cut short is whole up to the last of them. One thread.
///
///     file << packer.pack(bytes) << packer.pack(more) << packer.finish();
class ZstdPacker {
 public:
  ZstdPacker();
  ~ZstdPacker();
  ZstdPacker(const ZstdPacker&) = delete;
  ZstdPacker& operator=(const ZstdPacker&) = delete;

  /// Valid until the next call. Empty, for bytes that are not: there was no memory.
  std::span<const std::uint8_t> pack(std::span<const std::uint8_t> bytes);
  /// What ends the packed data. Once.
  std::span<const std::uint8_t> finish();

 private:
  struct State;
  std::span<const std::uint8_t> run(std::span<const std::uint8_t> bytes, bool last);

  std::unique_ptr<State> state_;
  std::vector<std::uint8_t> packed_;
};

}  // namespace spiderling
