// The classic trace format of libpcap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "capture/frame_sink.h"

namespace spiderling {

/// The 24 bytes that a pcap file starts with.
struct PcapHeader {
  static constexpr std::size_t size = 24;

  bool swapped = false;      ///< written by a machine of the other byte order
  bool nanoseconds = false;  ///< magic a1b23c4d; else microseconds
  bool modified = false;     ///< magic a1b2cd34: Kuznetzov's, with 8 more bytes a record
  std::uint16_t version_major = 2;
  std::uint16_t version_minor = 4;
  std::uint32_t link_type = 1;  ///< LINKTYPE_ number, without the bits for the length of the FCS

  /// True if `bytes`, at least four, start with one of the magics.
  static bool recognize(std::span<const std::uint8_t> bytes);
  /// nullopt if that is no pcap header of a version that is known, or shorter than `size`.
  static std::optional<PcapHeader> read(std::span<const std::uint8_t> bytes);
};

/// Reads the records behind the header. Holds no bytes: give it what is left of them again with more behind.
class PcapParser {
 public:
  /// `link_type` is what the frames are, `filter` may be null.
  PcapParser(const PcapHeader& header, LinkType link_type, const FilterProgram* filter);

  /// Goes through the records in bytes[0, size) until they end, the sink is full or a record is damaged.
  ParseStep parse(const std::uint8_t* bytes, std::size_t size, FrameSink& sink);
  /// Records seen so far, whole ones.
  std::uint64_t records() const { return records_; }

 private:
  template <bool swapped>
  ParseStep run(const std::uint8_t* bytes, std::size_t size, FrameSink& sink);

  enum class Lengths : std::uint8_t { normal, exchanged, maybe_exchanged };

  bool swapped_;
  Lengths lengths_;
  std::uint32_t header_size_;
  std::uint32_t fraction_ns_;
  LinkType link_type_;
  const FilterProgram* filter_;
  std::uint64_t records_ = 0;
};

}  // namespace spiderling
