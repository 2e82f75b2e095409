#include "flows/flow_key.h"

#include <sys/random.h>

#include <cerrno>
#include <stdexcept>

namespace spiderling {

namespace {

__extension__ typedef unsigned __int128 Uint128;

// A 64x64 multiplication folded into 64 bits: every bit of both factors reaches every bit of the result.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Of addresses in the order of a key, or not, as long as both directions agree.
std::uint64_t hash_pair(const std::uint64_t* low, const std::uint64_t* high, const std::uint64_t* s) {
  return mix(low[0] ^ s[0], low[1] ^ s[1]) ^ mix(high[0] ^ s[2], high[1] ^ s[3]);
}
std::uint64_t hash_pair_v4(std::uint64_t low_and_high, const std::uint64_t* s) {
  return mix(low_and_high ^ s[0], s[1]);
}

}  // namespace

HashSeed HashSeed::random() {
  HashSeed seed{};
  std::size_t have = 0;
  while (have < sizeof seed.words) {
    const ssize_t got = getrandom(reinterpret_cast<char*>(seed.words) + have, sizeof seed.words - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("the kernel gives no random numbers");
    have += static_cast<std::size_t>(got);
  }
  for (auto& word : seed.words) word |= 1;  // never a zero factor
  return seed;
}

FlowId make_flow_id(const FlowEndpoints& e, const HashSeed& seed) {
  FlowId id;
  auto& w = id.key.words;
  const auto* s = seed.words;
  const auto tail = [&](std::uint16_t low_port, std::uint16_t high_port) {
    return std::uint64_t{low_port} << 48 | std::uint64_t{high_port} << 32 | std::uint64_t{e.protocol} << 8 |
           static_cast<std::uint64_t>(e.version);
  };
  std::uint64_t addresses;
  if (e.version == IpVersion::v4) {
    const std::uint32_t source = load_be32(e.source), destination = load_be32(e.destination);
    id.from_low = source < destination || (source == destination && e.source_port <= e.destination_port);
    w[0] =
        id.from_low ? std::uint64_t{source} << 32 | destination : std::uint64_t{destination} << 32 | source;
    w[1] = w[2] = w[3] = 0;
    addresses = hash_pair_v4(w[0], s);
  } else {
    const std::uint64_t s0 = load_be64(e.source), s1 = load_be64(e.source + 8);
    const std::uint64_t d0 = load_be64(e.destination), d1 = load_be64(e.destination + 8);
    const bool same = s0 == d0 && s1 == d1;
    id.from_low = same ? e.source_port <= e.destination_port : s0 < d0 || (s0 == d0 && s1 < d1);
    w[0] = id.from_low ? s0 : d0;
    w[1] = id.from_low ? s1 : d1;
    w[2] = id.from_low ? d0 : s0;
    w[3] = id.from_low ? d1 : s1;
    addresses = hash_pair(w, w + 2, s);
  }
  w[4] = id.from_low ? tail(e.source_port, e.destination_port) : tail(e.destination_port, e.source_port);
  id.shard_hash = static_cast<std::uint32_t>(addresses >> 32);
  id.hash = mix(addresses ^ s[2], w[4] ^ s[3]);
  return id;
}

std::optional<std::uint32_t> quick_shard_hash(Bytes frame, LinkType link_type, const HashSeed& seed) {
  constexpr std::size_t network = EthernetHeader::size;
  if (link_type != LinkType::ethernet || frame.size() < network + Ipv6Header::size) return std::nullopt;
  const std::uint8_t* p = frame.data();
  const std::uint8_t* ip = p + network;
  const std::uint16_t type = load_be16(p + 12);
  const auto usual = [](std::uint8_t protocol) { return protocol == 6 || protocol == 17; };
  if (type == static_cast<std::uint16_t>(EtherType::ipv4) && usual(ip[9])) {
    const std::uint64_t a = load_be32(ip + 12), b = load_be32(ip + 16);
    return static_cast<std::uint32_t>(hash_pair_v4(a < b ? a << 32 | b : b << 32 | a, seed.words) >> 32);
  }
  if (type == static_cast<std::uint16_t>(EtherType::ipv6) && usual(ip[6])) {
    const std::uint64_t a[2] = {load_be64(ip + 8), load_be64(ip + 16)};
    const std::uint64_t b[2] = {load_be64(ip + 24), load_be64(ip + 32)};
    const bool a_low = a[0] < b[0] || (a[0] == b[0] && a[1] <= b[1]);
    return static_cast<std::uint32_t>(hash_pair(a_low ? a : b, a_low ? b : a, seed.words) >> 32);
  }
  return std::nullopt;
}

FlowId flow_id_of(const Packet& packet, const HashSeed& seed) {
  const bool ports = packet.has_ports();
  const std::uint8_t* network = packet.network().data();
  const bool v4 = packet.ip_version() == IpVersion::v4;
  return make_flow_id(
      {network + (v4 ? 12 : 8), network + (v4 ? 16 : 24), ports ? packet.source_port() : std::uint16_t{0},
       ports ? packet.destination_port() : std::uint16_t{0}, packet.protocol(), packet.ip_version()},
      seed);
}

FlowId flow_id_of_quotation(const Packet& quotation, const HashSeed& seed) {
  const bool ports = quotation.has_ports();
  const std::uint8_t* network = quotation.network().data();
  const bool v4 = quotation.ip_version() == IpVersion::v4;
  FlowId id = make_flow_id(
      {network + (v4 ? 16 : 24), network + (v4 ? 12 : 8),
       ports ? quotation.destination_port() : std::uint16_t{0},
       ports ? quotation.source_port() : std::uint16_t{0}, quotation.protocol(), quotation.ip_version()},
      seed);
  // A host that talks to itself on one port: its packets all count as sent from the low end, so errors do
  // not.
  const bool one_end = quotation.source() == quotation.destination() &&
                       (!ports || quotation.source_port() == quotation.destination_port());
  if (one_end) id.from_low = false;
  return id;
}

}  // namespace spiderling
