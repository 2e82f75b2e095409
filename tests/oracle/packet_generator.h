// Random packets of every kind that we decode, from a seed.
#pragma once

#include <random>

#include "spiderling/dns_builder.h"

namespace spiderling::oracle {

/// The same seed gives the same packets on every machine: only the engine of the standard library is used,
/// whose output the standard fixes, none of its distributions.
class PacketGenerator {
 public:
  explicit PacketGenerator(std::uint64_t seed) : random_(seed) {}

  struct Generated {
    std::vector<std::uint8_t> bytes;  ///< captured
    std::uint32_t wire_length = 0;
  };
  /// One in eight is broken on purpose: cut by the capture, or with a field that lies.
  Generated next(LinkType link_type);

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint8_t u8() { return static_cast<std::uint8_t>(random_()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(random_()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(random_()); }
  std::uint16_t port();
  IpAddress address(IpVersion version);
  MacAddress mac();

  void link(LinkType link_type);
  void ethernet();
  void network(int depth);
  void network(IpVersion version, int depth);
  void ip4();
  void ip6();
  void extension_headers();
  void transport(IpVersion version, int depth);
  void tcp();
  void udp();
  void dns();
  void icmp(IpVersion version, int depth);
  void gre(int depth);
  void filling();
  std::string dns_name();

  std::mt19937_64 random_;
  PacketBuffer<4096> packet_;
  bool broken_ = false;
  bool fragment_ = false;
};

}  // namespace spiderling::oracle
