#include "wire/checksum.h"

#include <array>

#include "wire/ipv6_extensions.h"

namespace spiderling {
namespace {

std::uint16_t fold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The words of `bytes` as they lie in memory, each 32 bits wide so that 2^32 of them fit into the sum.
std::uint64_t sum_of(Bytes bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t sum = 0;
  std::uint64_t other = 0;  // a second sum, so that additions do not wait for each other
  while (left >= 16) {
    std::uint64_t a;
    std::uint64_t b;
    std::memcpy(&a, p, 8);
    std::memcpy(&b, p + 8, 8);
    sum += (a & 0xffffffff) + (a >> 32);
    other += (b & 0xffffffff) + (b >> 32);
    p += 16;
    left -= 16;
  }
  sum += other;
  while (left >= 2) {
    std::uint16_t word;
    std::memcpy(&word, p, 2);
    sum += word;
    p += 2;
    left -= 2;
  }
  if (left == 1) sum += *p;  // the low byte in memory, the second one zero
  return sum;
}

constexpr std::uint32_t crc32c_polynomial = 0x82f63b78;  // 0x1edc6f41 with its bits reversed

using CrcTables = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ crc32c_polynomial : crc >> 1;
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 4; ++t) {
      tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables crc_tables = make_crc_tables();

std::uint32_t crc_add(std::uint32_t crc, Bytes bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  while (left >= 4) {
    std::uint32_t word;
    std::memcpy(&word, p, 4);
    crc ^= word;
    crc = crc_tables[3][crc & 0xff] ^ crc_tables[2][crc >> 8 & 0xff] ^ crc_tables[1][crc >> 16 & 0xff] ^
          crc_tables[0][crc >> 24];
    p += 4;
    left -= 4;
  }
  for (; left > 0; --left) crc = crc >> 8 ^ crc_tables[0][(crc ^ *p++) & 0xff];
  return crc;
}

constexpr std::uint8_t number(IpProtocol protocol) { return static_cast<std::uint8_t>(protocol); }

// RFC 3828, section 3.1: 0 covers all; 1 to 7 and more than there is are illegal, and sum up to whatever they
// do.
std::size_t udplite_coverage(Bytes segment) {
  const std::size_t stated = load_be16(segment.data() + 4);
  return stated < 8 || stated > segment.size() ? segment.size() : stated;
}

bool udplite_coverage_is_legal(Bytes segment) {
  const std::size_t stated = load_be16(segment.data() + 4);
  return stated == 0 || (stated >= 8 && stated <= segment.size());
}

// What transport_checksum gives for a segment with the right checksum in it, but for the zero rule.
bool sums_to_zero(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                  Bytes segment) {
  InternetSum sum;
  std::size_t covered = segment.size();
  if (protocol == number(IpProtocol::udplite)) covered = udplite_coverage(segment);
  if (protocol != number(IpProtocol::icmp)) {
    sum.add_pseudo_header(source, destination, protocol, static_cast<std::uint32_t>(segment.size()));
  }
  return sum.add(segment.first(covered)).checksum() == 0;
}

// The shortest segment with a whole header, 0 for a protocol whose checksum we do not know.
std::size_t least_size(const Packet& packet) {
  if (packet.is_icmp()) return 4;
  switch (static_cast<IpProtocol>(packet.protocol())) {
    case IpProtocol::tcp: return TcpHeader::min_size;
    case IpProtocol::udp:
    case IpProtocol::udplite: return UdpHeader::size;
    case IpProtocol::sctp: return SctpHeader::size;
    default: return 0;
  }
}

// Of a checksum field that is 0, where that says something else than a sum.
ChecksumState state_of_zero(const Packet& packet) {
  const bool optional = packet.is(IpProtocol::udp) && packet.ip_version() == IpVersion::v4;
  return optional ? ChecksumState::absent : ChecksumState::bad;
}

ChecksumState good_if(bool good) { return good ? ChecksumState::good : ChecksumState::bad; }

}  // namespace

InternetSum& InternetSum::add(Bytes bytes) {
  if (odd_ && !bytes.empty()) {
    sum_ += std::uint64_t{bytes[0]} << 8;
    bytes = bytes.subspan(1);
    odd_ = false;
  }
  sum_ += sum_of(bytes);
  if (bytes.size() % 2 != 0) odd_ = true;
  // Folded at once: the sum of any number of pieces stays far from overflowing.
  sum_ = fold(sum_);
  return *this;
}

InternetSum& InternetSum::add16(std::uint16_t value) {
  std::uint8_t bytes[2];
  store_be16(bytes, value);
  return add(bytes);
}

InternetSum& InternetSum::add32(std::uint32_t value) {
  std::uint8_t bytes[4];
  store_be32(bytes, value);
  return add(bytes);
}

InternetSum& InternetSum::add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                            std::uint8_t protocol, std::uint32_t length) {
  const std::size_t size = source.version == IpVersion::v6 ? 16 : 4;
  // The two pseudo headers differ in where their fields stand, not in what they sum up to.
  return add(Bytes(source.bytes).first(size))
      .add(Bytes(destination.bytes).first(size))
      .add32(length)
      .add16(protocol);
}

std::uint16_t InternetSum::checksum() const {
  return static_cast<std::uint16_t>(~__builtin_bswap16(fold(sum_)));
}

std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t old_word, std::uint16_t new_word) {
  const std::uint32_t sum =
      std::uint32_t{static_cast<std::uint16_t>(~checksum)} + static_cast<std::uint16_t>(~old_word) + new_word;
  return static_cast<std::uint16_t>(~fold(sum));
}

std::uint16_t update_checksum32(std::uint16_t checksum, std::uint32_t old_value, std::uint32_t new_value) {
  const auto high = [](std::uint32_t v) { return static_cast<std::uint16_t>(v >> 16); };
  const auto low = [](std::uint32_t v) { return static_cast<std::uint16_t>(v); };
  return update_checksum(update_checksum(checksum, high(old_value), high(new_value)), low(old_value),
                         low(new_value));
}

std::uint32_t crc32c(Bytes bytes) { return ~crc_add(~std::uint32_t{0}, bytes); }

std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                                 Bytes segment) {
  if (protocol == number(IpProtocol::icmp)) return internet_checksum(segment);
  const bool lite = protocol == number(IpProtocol::udplite) && segment.size() >= UdpHeader::size;
  InternetSum sum;
  sum.add_pseudo_header(source, destination, protocol, static_cast<std::uint32_t>(segment.size()));
  sum.add(lite ? segment.first(udplite_coverage(segment)) : segment);
  const std::uint16_t checksum = sum.checksum();
  const bool zero_is_taken = protocol == number(IpProtocol::udp) || lite;
  return checksum == 0 && zero_is_taken ? std::uint16_t{0xffff} : checksum;
}

std::uint32_t sctp_checksum(Bytes packet) {
  static constexpr std::uint8_t zeros[4] = {};
  if (packet.size() < SctpHeader::size) return 0;
  std::uint32_t crc = crc_add(~std::uint32_t{0}, packet.first(8));
  crc = crc_add(crc, zeros);
  return __builtin_bswap32(~crc_add(crc, packet.subspan(SctpHeader::size)));
}

ChecksumState verify_network_checksum(const Packet& packet) {
  if (packet.ip_version() != IpVersion::v4) return ChecksumState::absent;
  const auto ip = packet.ip4();
  if (!ip) return ChecksumState::unknown;
  return good_if(internet_checksum(ip->bytes()) == 0);
}

ChecksumState verify_transport_checksum(const Packet& packet) {
  const std::size_t least = least_size(packet);
  if (!packet.is_ip() || least == 0) return ChecksumState::absent;
  const Bytes segment = packet.transport().bytes;
  const bool may_be_zero = packet.is(IpProtocol::udp) || packet.is(IpProtocol::udplite);
  if (may_be_zero && !packet.is_later_fragment() && segment.size() >= least &&
      load_be16(segment.data() + 6) == 0) {
    return state_of_zero(packet);
  }
  const std::size_t header = static_cast<std::size_t>(segment.data() - packet.network().data());
  if (packet.is_fragment() || segment.size() < least || header + segment.size() < packet.ip_length()) {
    return ChecksumState::unknown;
  }
  if (packet.is(IpProtocol::sctp)) {
    return good_if(load_be32(segment.data() + 8) == sctp_checksum(segment));
  }
  const bool is_lite = packet.is(IpProtocol::udplite);
  if (is_lite && !udplite_coverage_is_legal(segment)) return ChecksumState::bad;
  if ((packet.is(IpProtocol::udp) || is_lite) && load_be16(segment.data() + 6) == 0)
    return state_of_zero(packet);
  // The length that UDP states is below that of the datagram where something trails it.
  Bytes covered = segment;
  if (packet.is(IpProtocol::udp)) {
    const std::size_t stated = load_be16(segment.data() + 4);
    if (stated < UdpHeader::size || stated > segment.size()) return ChecksumState::unknown;
    covered = segment.first(stated);
  }
  return good_if(
      sums_to_zero(packet.source(), final_destination(packet.network()), packet.protocol(), covered));
}

}  // namespace spiderling
