#include "capture/pcapng_parser.h"

#include <algorithm>
#include <array>
#include <limits>

#include "capture/byte_order.h"
#include "capture/link_types.h"

namespace spiderling {
namespace {

__extension__ using Wide = __int128;

// Block types.
constexpr std::uint32_t section_header = 0x0a0d0d0a;  // a palindrome: the same in both byte orders
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t obsolete_packet = 2;
constexpr std::uint32_t simple_packet = 3;
constexpr std::uint32_t enhanced_packet = 6;

constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint32_t block_frame = 12;      // type, length, length again
constexpr std::uint32_t section_minimum = 28;  // block_frame, magic, version, section length
constexpr std::uint32_t section_fixed = 16;    // what is looked at
constexpr std::uint32_t interface_minimum = 20;
constexpr std::uint32_t enhanced_data = 28;  // where its packet starts
constexpr std::uint32_t simple_data = 12;
/// Of an interface's options, so many bytes are looked at.
constexpr std::uint32_t most_options = 64u << 10;
/// A packet and as much for its options.
constexpr std::uint32_t largest_packet_block = 2 * FrameSink::largest_packet;

constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t option_tsresol = 9;
constexpr std::uint16_t option_tsoffset = 14;

std::int64_t clamp_ns(Wide value) {
  constexpr Wide low = std::numeric_limits<std::int64_t>::min();
  constexpr Wide high = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(value, low, high));
}

std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
}

bool is_packet(std::uint32_t type) {
  return type == enhanced_packet || type == simple_packet || type == obsolete_packet;
}

}  // namespace

TimeScale::TimeScale(std::uint8_t resolution, std::int64_t offset) : offset_(offset) {
  const unsigned exponent = resolution & 0x7fu;
  if ((resolution & 0x80) != 0) {
    shift_ = static_cast<std::uint8_t>(exponent);
    multiplier_ = 1'000'000'000;
  } else if (exponent <= 9) {
    multiplier_ = power_of_ten(9 - exponent);
  } else if (exponent <= 28) {
    divisor_ = power_of_ten(exponent - 9);
  } else {
    multiplier_ = 0;  // all 64 bits of ticks are less than a nanosecond
  }
}

std::int64_t TimeScale::to_ns(std::uint64_t ticks) const {
  Wide ns = Wide{ticks} * multiplier_;
  if (shift_ != 0) {
    ns >>= shift_;
  } else if (divisor_ != 1) {
    ns /= divisor_;
  }
  return clamp_ns(ns + Wide{offset_} * 1'000'000'000);
}

bool PcapngParser::recognize(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < block_frame || load32(bytes.data(), false) != section_header) return false;
  return load32(bytes.data() + 8, false) == byte_order_magic ||
         load32(bytes.data() + 8, true) == byte_order_magic;
}

std::optional<LinkType> PcapngParser::first_link_type(std::span<const std::uint8_t> bytes) {
  FilterBank no_filter({}, {});
  PcapngParser parser(no_filter);
  FrameSink sink(1, 1);
  std::array<Frame, 1> room;
  sink.start(room);
  while (parser.interfaces_.empty()) {
    const ParseStep step = parser.parse(bytes.data(), bytes.size(), sink);
    if (step.used + step.skip == 0 || step.used + step.skip > bytes.size()) break;
    bytes = bytes.subspan(step.used + step.skip);
  }
  if (parser.interfaces_.empty() || !parser.interfaces_.front().known) return std::nullopt;
  return parser.interfaces_.front().link_type;
}

ParseStep PcapngParser::parse(const std::uint8_t* bytes, std::size_t size, FrameSink& sink) {
  ParseStep step;
  while (!sink.full()) {
    const std::uint8_t* p = bytes + step.used;
    const std::size_t left = size - step.used;
    if (left < block_frame) {
      step.wanted = block_frame;
      break;
    }
    if (load32(p, false) == section_header) {
      section(p, left, step);
    } else {
      block(p, left, sink, step);
    }
    if (step.wanted != 0 || step.skip != 0 || step.damage != nullptr) break;
  }
  return step;
}

// Its length is in the byte order that only its magic tells.
void PcapngParser::section(const std::uint8_t* block, std::size_t size, ParseStep& step) {
  if (size < section_fixed) {
    step.wanted = section_fixed;
    return;
  }
  const bool native = load32(block + 8, false) == byte_order_magic;
  if (!native && load32(block + 8, true) != byte_order_magic) {
    step.damage = "a section without its magic number";
    return;
  }
  const std::uint32_t length = load32(block + 4, !native);
  if (length < section_minimum || length % 4 != 0) {
    step.damage = "an impossible length";
    return;
  }
  if (load16(block + 12, !native) != 1) {
    step.damage = "a section of a version that is not known";
    return;
  }
  swapped_ = !native;
  in_section_ = true;
  interfaces_.clear();
  step.skip = length;
}

void PcapngParser::block(const std::uint8_t* block, std::size_t size, FrameSink& sink, ParseStep& step) {
  const std::uint32_t type = load32(block, swapped_);
  const std::uint32_t length = load32(block + 4, swapped_);
  if (!in_section_ || length < block_frame || length % 4 != 0 ||
      (is_packet(type) && length > largest_packet_block)) {
    step.damage = "an impossible length";
    return;
  }
  if (type == interface_description) return interface(block, length, size, step);
  if (!is_packet(type)) {
    step.skip = length;
    return;
  }
  if (size < length) {
    step.wanted = length;
    return;
  }
  if (type == simple_packet) {
    simple(block, length, sink);
  } else {
    enhanced(block, length, type == obsolete_packet, sink);
  }
  if (load32(block + length - 4, swapped_) != length) ++odd_trailers_;
  ++records_;
  step.used += length;
}

void PcapngParser::interface(const std::uint8_t* block, std::uint32_t length, std::size_t size,
                             ParseStep& step) {
  const std::uint32_t looked_at = std::min(length, most_options);
  if (size < looked_at) {
    step.wanted = looked_at;
    return;
  }
  if (length < interface_minimum || interfaces_.size() == most_interfaces) {
    step.damage = length < interface_minimum ? "an impossible length" : "too many interfaces";
    return;
  }
  Interface added;
  if (const auto link_type = known_link_type(load16(block + 8, swapped_))) {
    added.known = true;
    added.link_type = *link_type;
    added.filter = filters_->program(*link_type, swapped_);
  }
  added.snap_length = load32(block + 12, swapped_);
  const std::uint32_t end = length == looked_at ? length - 4 : looked_at;
  interface_options(added, {block + 16, block + end});
  interfaces_.push_back(added);
  step.skip = length;
}

void PcapngParser::interface_options(Interface& added, std::span<const std::uint8_t> options) const {
  std::uint8_t resolution = 6;
  std::int64_t offset = 0;
  while (options.size() >= 4) {
    const std::uint16_t code = load16(options.data(), swapped_);
    const std::size_t length = load16(options.data() + 2, swapped_);
    options = options.subspan(4);
    if (code == option_end || length > options.size()) break;
    if (code == option_tsresol && length >= 1) resolution = options[0];
    if (code == option_tsoffset && length >= 8)
      offset = static_cast<std::int64_t>(load64(options.data(), swapped_));
    options = options.subspan(std::min(options.size(), (length + 3) & ~std::size_t{3}));
  }
  added.time = TimeScale(resolution, offset);
}

// Also the obsolete packet block, which has the same fields but for a shorter interface number.
void PcapngParser::enhanced(const std::uint8_t* block, std::uint32_t length, bool obsolete, FrameSink& sink) {
  if (length < enhanced_data + 4) return sink.add_malformed();
  const std::uint32_t number = obsolete ? load16(block + 8, swapped_) : load32(block + 8, swapped_);
  const std::uint32_t captured = load32(block + 20, swapped_);
  if (number >= interfaces_.size() || captured > length - enhanced_data - 4) return sink.add_malformed();
  const Interface& on = interfaces_[number];
  if (!on.known) return sink.add_unknown_link();
  const std::uint64_t ticks =
      std::uint64_t{load32(block + 12, swapped_)} << 32 | std::uint64_t{load32(block + 16, swapped_)};
  last_time_ns_ = on.time.to_ns(ticks);
  sink.add(block + enhanced_data, captured, load32(block + 24, swapped_), last_time_ns_, on.link_type,
           on.filter);
}

void PcapngParser::simple(const std::uint8_t* block, std::uint32_t length, FrameSink& sink) {
  if (length < simple_data + 4 || interfaces_.empty()) return sink.add_malformed();
  const Interface& on = interfaces_.front();
  if (!on.known) return sink.add_unknown_link();
  const std::uint32_t wire_length = load32(block + 8, swapped_);
  std::uint32_t captured = std::min(wire_length, length - simple_data - 4);
  if (on.snap_length != 0) captured = std::min(captured, on.snap_length);
  sink.add(block + simple_data, captured, wire_length, last_time_ns_, on.link_type, on.filter);
}

}  // namespace spiderling
