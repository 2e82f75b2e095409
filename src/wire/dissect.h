// Finds the layers of a packet.
#pragma once

#include <cstdint>

#include "spiderling/packet.h"

namespace spiderling {

/// The only writer of Packet. Stateless; any thread. No heap, no exception, no I/O; reads nothing outside the
/// bytes that it is given. What is wrong with a packet is in Packet::defect(), and the layers before it are
/// still there.
class Dissector {
 public:
  /// From the link layer on. `wire_length` below `captured` is taken as `captured`.
  static void dissect(Packet& packet, Bytes captured, std::uint32_t wire_length, std::int64_t time_ns,
                      LinkType link_type);

  /// A packet that starts with an IP header: quotations, tunnels.
  static void dissect_ip(Packet& packet, Bytes captured, std::uint32_t wire_length, std::int64_t time_ns);

  /// The same layers over other bytes (a copy of the packet's).
  static Packet rebase(const Packet& packet, const std::uint8_t* copy);

 private:
  struct Cursor;
  // The first defect counts.
  static void note(Packet& packet, Defect defect) {
    if (packet.defect_ == Defect::none) packet.defect_ = defect;
  }
  static void link(Packet& packet, Cursor& cursor, LinkType link_type);
  static void network(Packet& packet, Cursor& cursor);
  static void ipv4(Packet& packet, Cursor& cursor);
  static void ipv6(Packet& packet, Cursor& cursor);
  static void transport(Packet& packet, Cursor& cursor, std::uint32_t length);
};

}  // namespace spiderling
