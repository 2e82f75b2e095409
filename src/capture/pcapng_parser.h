// The pcapng trace format (draft-ietf-opsawg-pcapng).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "capture/frame_sink.h"

namespace spiderling {

/// How an interface counts time: options if_tsresol and if_tsoffset.
class TimeScale {
 public:
  /// `resolution`: as in if_tsresol, 10^-n seconds a tick, or 2^-n with the top bit set. `offset`: seconds.
  explicit TimeScale(std::uint8_t resolution = 6, std::int64_t offset = 0);

  /// Nanoseconds since the epoch; the nearest that there is, for what does not fit.
  std::int64_t to_ns(std::uint64_t ticks) const;

 private:
  std::uint8_t shift_ = 0;        // binary: ticks * 10^9 >> shift_
  std::uint64_t multiplier_ = 1;  // decimal: ticks * multiplier_ / divisor_
  std::uint64_t divisor_ = 1;
  std::int64_t offset_;
};

/// Reads a pcapng trace from its first block on: several sections, each in its own byte order, several
/// interfaces, packet blocks of all three kinds; other blocks are passed over. Holds no bytes: give it what
/// is left again with more behind. A simple packet block has no time; it gets that of the packet before it.
class PcapngParser {
 public:
  /// Interfaces of a section, more is damage.
  static constexpr std::size_t most_interfaces = 65536;

  /// True if `bytes` start with a section header block.
  static bool recognize(std::span<const std::uint8_t> bytes);

  explicit PcapngParser(FilterBank& filters) : filters_(&filters) {}

  /// Goes through the blocks in bytes[0, size) until they end, the sink is full or a block is damaged.
  ParseStep parse(const std::uint8_t* bytes, std::size_t size, FrameSink& sink);
  /// Of the first interface in bytes, nullopt if there is none in them or it is not known.
  static std::optional<LinkType> first_link_type(std::span<const std::uint8_t> bytes);
  /// Packet blocks seen so far, whole ones.
  std::uint64_t records() const { return records_; }
  /// Blocks whose length at the end is not the one at their start.
  std::uint64_t odd_trailers() const { return odd_trailers_; }

 private:
  struct Interface {
    LinkType link_type = LinkType::ethernet;
    bool known = false;
    std::uint32_t snap_length = 0;  // 0: no limit
    const FilterProgram* filter = nullptr;
    TimeScale time;
  };

  void section(const std::uint8_t* block, std::size_t size, ParseStep& step);
  void block(const std::uint8_t* block, std::size_t size, FrameSink& sink, ParseStep& step);
  void interface(const std::uint8_t* block, std::uint32_t length, std::size_t size, ParseStep& step);
  void interface_options(Interface& added, std::span<const std::uint8_t> options) const;
  void enhanced(const std::uint8_t* block, std::uint32_t length, bool obsolete, FrameSink& sink);
  void simple(const std::uint8_t* block, std::uint32_t length, FrameSink& sink);

  FilterBank* filters_;
  std::vector<Interface> interfaces_;
  bool swapped_ = false;
  bool in_section_ = false;
  std::int64_t last_time_ns_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t odd_trailers_ = 0;
};

}  // namespace spiderling
