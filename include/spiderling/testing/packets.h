// Packets for tests, each a line of text, or built with <spiderling/builder.h>.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/builder.h"
#include "spiderling/packet.h"

namespace spiderling::testing {

/// When a test's packets begin, if nothing else is said: 2020-09-13T12:26:40Z, 1600000000 s since the epoch.
inline constexpr Timestamp start_time{std::chrono::seconds(1'600'000'000)};

/// A packet with its own bytes.
struct StoredPacket {
  std::vector<std::uint8_t> bytes;
  Timestamp time;
  LinkType link_type = LinkType::ethernet;
  std::uint32_t wire_length = 0;  ///< at least bytes.size()
};

/// Packets with their times, as a capture would give them. A value.
///
///     Packets packets{"10.0.0.1:4000 > 10.0.0.2:80 tcp S mss=1460 ecn=ect0",
///                     "+0.02 10.0.0.2:80 > 10.0.0.1:4000 tcp SA mss=1400"};
///     PacketBuffer<100> arp;
///     packets.add(arp.ethernet().arp({.operation = 1}));
///     assert(packets[0].tcp()->has(tcp_flag::syn));
///
/// A line is `[TIME] SOURCE > DESTINATION PROTOCOL [OPTION...]`. Ends are ADDRESS:PORT, [ADDRESS]:PORT or
/// ADDRESS, or names that an earlier line `let NAME = ...` has given them. TIME is in seconds: `0.5` from the
/// first packet's start_time, `+0.5` from the packet before; without one a packet comes a millisecond after
/// the one before. What begins with # is a comment.
///
///     tcp [FLAGS]       of F S R P A U E(ECE) C(CWR)
///                       seq= ack= window= mss= ws= sack ts tfo[=COOKIE] opts=HEX
///     udp               zero (no checksum)
///     icmp TYPE[/CODE]  of the version of the addresses; `{ PACKET }` behind it is quoted: an ICMP error
///     ip proto=N        any other protocol
///     every packet      ttl= dscp= ecn=ect0|ect1|ce id= df evil (the reserved bit; IPv4)
///                       vlan=ID snap=BYTES (so many are captured)
///     payload           len=N text="..." hex=... dns=query:NAME dns=response:NAME
///
/// Frames are Ethernet; `frame hex=BYTES` is one as it is, sense or not. A line that is none of these throws
/// std::invalid_argument, which names it.
class Packets {
 public:
  Packets() = default;
  Packets(std::initializer_list<std::string_view> lines) {
    for (const std::string_view line : lines) add(line);
  }

  /// A line, or several.
  Packets& add(std::string_view lines);
  /// What was built. Throws std::invalid_argument if it cannot be finished.
  Packets& add(PacketBuilder& built, LinkType link_type = LinkType::ethernet);
  /// Whole bytes, sense or not.
  Packets& add(Bytes bytes, LinkType link_type = LinkType::ethernet);
  Packets& add(const Packets& more);
  /// The next packet comes so much later than it would.
  Packets& wait(std::chrono::nanoseconds time) {
    next_ += time;
    return *this;
  }

  std::size_t size() const { return packets_.size(); }
  bool empty() const { return packets_.empty(); }
  /// Its layers, found; borrowed until the packets change.
  Packet operator[](std::size_t number) const;
  const std::deque<StoredPacket>& stored() const { return packets_; }
  /// A capture file (pcap, nanoseconds) for the programs: all packets must be of one link type. Throws
  /// std::runtime_error if it cannot be written.
  void save(const std::string& path) const;

 private:
  void add_line(std::string_view line);
  Packets& keep(std::vector<std::uint8_t> bytes, LinkType link_type, std::uint32_t wire_length = 0);

  std::deque<StoredPacket> packets_;
  std::map<std::string, std::string, std::less<>> names_;
  Timestamp next_ = start_time;
};

/// One line as a frame; see Packets.
std::vector<std::uint8_t> packet(std::string_view line);

}  // namespace spiderling::testing
