#include "capture/pcap_parser.h"

#include <utility>

#include "capture/byte_order.h"

namespace spiderling {
namespace {

constexpr std::uint32_t magic_microseconds = 0xa1b2c3d4;
constexpr std::uint32_t magic_nanoseconds = 0xa1b23c4d;
constexpr std::uint32_t magic_modified = 0xa1b2cd34;
constexpr std::uint32_t record_header = 16;
constexpr std::uint32_t modified_record_header = 24;

bool is_magic(std::uint32_t value) {
  return value == magic_microseconds || value == magic_nanoseconds || value == magic_modified;
}

/// Versions before 2.3, and the odd 543.0, have the two lengths of a record the other way round; 2.3 was
/// written both ways.
bool has_exchanged_lengths(const PcapHeader& header) {
  return header.version_major == 543 || (header.version_major == 2 && header.version_minor < 3);
}

}  // namespace

bool PcapHeader::recognize(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && (is_magic(load32(bytes.data(), false)) || is_magic(load32(bytes.data(), true)));
}

std::optional<PcapHeader> PcapHeader::read(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < size || !recognize(bytes)) return std::nullopt;
  const std::uint8_t* p = bytes.data();
  PcapHeader header;
  header.swapped = !is_magic(load32(p, false));
  const std::uint32_t magic = load32(p, header.swapped);
  header.nanoseconds = magic == magic_nanoseconds;
  header.modified = magic == magic_modified;
  header.version_major = load16(p + 4, header.swapped);
  header.version_minor = load16(p + 6, header.swapped);
  if (header.version_major != 2 && header.version_major != 543) return std::nullopt;
  header.link_type = load32(p + 20, header.swapped) & 0xffff;
  return header;
}

PcapParser::PcapParser(const PcapHeader& header, LinkType link_type, const FilterProgram* filter)
    : swapped_(header.swapped),
      lengths_(has_exchanged_lengths(header) ? Lengths::exchanged : Lengths::normal),
      header_size_(header.modified ? modified_record_header : record_header),
      fraction_ns_(header.nanoseconds ? 1 : 1000),
      link_type_(link_type),
      filter_(filter) {
  if (header.version_major == 2 && header.version_minor == 3) lengths_ = Lengths::maybe_exchanged;
}

ParseStep PcapParser::parse(const std::uint8_t* bytes, std::size_t size, FrameSink& sink) {
  return swapped_ ? run<true>(bytes, size, sink) : run<false>(bytes, size, sink);
}

template <bool swapped>
ParseStep PcapParser::run(const std::uint8_t* bytes, std::size_t size, FrameSink& sink) {
  ParseStep step;
  while (!sink.full()) {
    const std::size_t left = size - step.used;
    const std::uint8_t* p = bytes + step.used;
    if (left < header_size_) {
      step.wanted = header_size_;
      break;
    }
    std::uint32_t captured = load32(p + 8, swapped);
    std::uint32_t wire_length = load32(p + 12, swapped);
    if (lengths_ == Lengths::exchanged || (lengths_ == Lengths::maybe_exchanged && captured > wire_length))
      std::swap(captured, wire_length);
    if (captured > FrameSink::largest_packet) {
      step.damage = "an impossible length";
      break;
    }
    if (left - header_size_ < captured) {
      step.wanted = header_size_ + captured;
      break;
    }
    const std::int64_t time_ns = std::int64_t{load32(p, swapped)} * 1'000'000'000 +
                                 std::int64_t{load32(p + 4, swapped)} * fraction_ns_;
    sink.add(p + header_size_, captured, wire_length, time_ns, link_type_, filter_);
    ++records_;
    step.used += header_size_ + captured;
  }
  return step;
}

}  // namespace spiderling
