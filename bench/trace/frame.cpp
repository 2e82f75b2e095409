#include "trace/frame.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace spiderling::bench {
namespace {

constexpr std::size_t v4_header = 20;
constexpr std::size_t v6_header = 40;

std::uint16_t to_big_endian(std::uint16_t value) {
  if constexpr (std::endian::native == std::endian::big) return value;
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}

}  // namespace

std::uint64_t checksum_sum(std::span<const std::uint8_t> bytes) {
  // The one's complement sum does not depend on byte order, so it adds words as the machine reads them.
  std::uint64_t sum = 0;
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, 4);
    sum += word;
  }
  for (; i < bytes.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(2, bytes.size() - i));
    sum += word;
  }
  return sum;
}

std::uint16_t checksum_fold(std::uint64_t sum) {
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return to_big_endian(static_cast<std::uint16_t>(~sum));
}

void Frame::append(std::span<const std::uint8_t> bytes) {
  std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void Frame::append16(std::uint16_t value) {
  append8(static_cast<std::uint8_t>(value >> 8));
  append8(static_cast<std::uint8_t>(value));
}

void Frame::append32(std::uint32_t value) {
  append16(static_cast<std::uint16_t>(value >> 16));
  append16(static_cast<std::uint16_t>(value));
}

void Frame::put16(std::size_t at, std::uint16_t value) {
  bytes_[at] = static_cast<std::uint8_t>(value >> 8);
  bytes_[at + 1] = static_cast<std::uint8_t>(value);
}

void Frame::begin(const Envelope& envelope, std::uint8_t protocol, std::uint8_t traffic_class) {
  size_ = 0;
  protocol_ = protocol;
  v6_ = envelope.v6;
  constexpr std::array<std::uint8_t, 12> stations = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  append(stations);
  if (envelope.outer_vlan != 0) {
    append16(0x88a8);
    append16(envelope.outer_vlan);
  }
  if (envelope.vlan != 0) {
    append16(0x8100);
    append16(envelope.vlan);
  }
  append16(v6_ ? 0x86dd : 0x0800);
  network_ = size_;
  if (v6_) {
    begin_v6(envelope, traffic_class);
  } else {
    begin_v4(envelope, traffic_class);
  }
  transport_ = size_;
}

void Frame::begin_v4(const Envelope& envelope, std::uint8_t traffic_class) {
  append8(0x45);
  append8(traffic_class);
  append16(0);  // total length
  append16(identification_++);
  append16(0x4000);  // do not fragment
  append8(envelope.hop_limit);
  append8(protocol_);
  append16(0);  // checksum
  append(std::span(envelope.source).first(4));
  append(std::span(envelope.destination).first(4));
}

void Frame::begin_v6(const Envelope& envelope, std::uint8_t traffic_class) {
  append32(0x60000000U | static_cast<std::uint32_t>(traffic_class) << 20);
  append16(0);  // payload length
  append8(protocol_);
  append8(envelope.hop_limit);
  append(envelope.source);
  append(envelope.destination);
}

void Frame::fragment(std::uint32_t identification, std::uint32_t offset, bool more) {
  if (!v6_) {
    put16(network_ + 4, static_cast<std::uint16_t>(identification));
    put16(network_ + 6, static_cast<std::uint16_t>((more ? 0x2000U : 0U) | offset / 8));
    return;
  }
  constexpr std::uint8_t fragment_header = 44;
  bytes_[network_ + 6] = fragment_header;
  append8(protocol_);
  append8(0);
  append16(static_cast<std::uint16_t>(offset | (more ? 1U : 0U)));
  append32(identification);
  transport_ = size_;
}

std::uint64_t Frame::pseudo_header_sum() const {
  const std::size_t addresses = network_ + (v6_ ? 8 : 12);
  const auto length = static_cast<std::uint16_t>(size_ - transport_);
  return checksum_sum({bytes_.data() + addresses, v6_ ? std::size_t{32} : std::size_t{8}}) +
         to_big_endian(protocol_) + to_big_endian(length);
}

void Frame::finish(std::size_t checksum_at) {
  const std::size_t length = size_ - network_;
  if (v6_) {
    put16(network_ + 4, static_cast<std::uint16_t>(length - v6_header));
  } else {
    put16(network_ + 2, static_cast<std::uint16_t>(length));
    put16(network_ + 10, checksum_fold(checksum_sum({bytes_.data() + network_, v4_header})));
  }
  if (checksum_at != no_checksum) {
    const std::size_t at = transport_ + checksum_at;
    put16(at, 0);
    const std::uint64_t pseudo = protocol_ == protocol_icmp ? 0 : pseudo_header_sum();
    const std::uint16_t checksum = checksum_fold(pseudo + checksum_sum(bytes().subspan(transport_)));
    put16(at, checksum == 0 && protocol_ == protocol_udp ? std::uint16_t{0xffff} : checksum);
  }
}

void Frame::pad_to(std::size_t size) {
  while (size_ < size) bytes_[size_++] = 0;
}

}  // namespace spiderling::bench
