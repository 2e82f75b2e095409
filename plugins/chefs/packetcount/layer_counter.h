// Counts the layers of packets.
#pragma once

#include <array>
#include <cstdint>

#include "layer_names.h"
#include "spiderling/dumpling.h"
#include "spiderling/packet.h"

namespace spiderling::packetcount {

/// One count a layer, by the names that scapy gives them. A fixed size whatever comes. One thread.
class LayerCounter {
 public:
  void count(const Packet& packet) { count(packet, 0); }
  /// The layers seen so far: {"Ethernet": 3, "IP": 3, ...}
  boost::json::object counts() const;

 private:
  void add(Name name) { ++counts_[static_cast<std::size_t>(name)]; }
  void add_if(bool there, Name name) { counts_[static_cast<std::size_t>(name)] += there ? 1u : 0u; }

  void count(const Packet& packet, int depth);
  bool link(const Packet& packet);
  void behind_tags(const Packet& packet);
  void dot3(Bytes behind_ethernet);
  void network(const Packet& packet, int depth);
  void arp(Bytes network);
  void extension_headers(const Packet& packet);
  void transport(const Packet& packet, int depth);
  void udp_payload(const Packet& packet, int depth);
  bool inside(const Packet& packet, int depth);
  void icmp(const Packet& packet);
  void icmp6(const Packet& packet);
  void quotation(const Packet& packet);
  void neighbor_options(Bytes options);

  std::array<std::uint64_t, names.size()> counts_{};
  std::array<std::uint64_t, 256> icmp6_{};
  std::array<std::uint64_t, 256> neighbor_options_{};
};

}  // namespace spiderling::packetcount
