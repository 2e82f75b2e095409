// A network that is made up: targets, and the paths to them, that do as they are told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/headers/tcp.h"
#include "spiderling/job.h"
#include "spiderling/packet.h"
#include "spiderling/resolver.h"

namespace spiderling::testing {

/// How a target answers.
enum class Answer : std::uint8_t {
  accepts,      ///< connections, requests, questions, and packets that are forged
  silent,       ///< it never says anything
  refuses,      ///< TCP: a reset; UDP: ICMP port unreachable
  unreachable,  ///< a router on the path says so, by ICMP
};

/// A target and the path to it. Both are as a plain host on a clean path unless they are told otherwise.
///
///     FakeTarget box = strips(TcpOptionKind::maximum_segment_size);
///     box.drops = [](const Packet& packet) { return packet.ecn() != Ecn::not_ect; };
///     box.ipv6 = true;
struct FakeTarget {
  Answer answer = Answer::accepts;

  // --- the target
  bool ecn = true;         ///< takes up ECN (RFC 3168) when asked
  bool timestamps = true;  ///< echoes these options in its SYN/ACK when asked ...
  bool window_scale = true;
  bool sack_permitted = true;
  std::uint16_t mss = 1460;    ///< that it announces; 0: none
  bool fast_open = true;       ///< gives cookies, and takes data with them (RFC 7413)
  std::uint8_t dscp = 0;       ///< of its packets
  unsigned http_status = 200;  ///< that it answers requests with
  bool http2 = true;           ///< where it is asked for HTTP/2; else it answers in HTTP/1.1
  /// What it says to bytes that a measurement sends itself (Worker::send()), and to what forged datagrams
  /// carry. Not set: a forged question of DNS is answered, to all else it says the same.
  std::function<std::string(std::string_view said)> says{};

  // --- the path, in both directions
  /// True: this packet is lost.
  std::function<bool(const Packet& packet)> drops{};
  /// TCP options that are made NOPs on the way.
  std::vector<TcpOptionKind> strips{};
  /// Changes an IP packet; its checksums are made right again afterwards.
  std::function<void(std::span<std::uint8_t> ip_packet)> changes{};

  // --- the observer
  bool observed = true;  ///< false: it sees nothing of these connections
  bool lossy = false;    ///< the kernel dropped packets meanwhile

  bool ipv6 = false;                  ///< it has an IPv6 address, else an IPv4 one
  std::optional<std::uint16_t> port;  ///< that the job names; not set: the measurement's own
  std::string domain{};               ///< that the job names
};

inline FakeTarget answers() { return {}; }
inline FakeTarget silent() {
  FakeTarget target;
  target.answer = Answer::silent;
  return target;
}
inline FakeTarget refuses() {
  FakeTarget target;
  target.answer = Answer::refuses;
  return target;
}
inline FakeTarget strips(TcpOptionKind option) {
  FakeTarget target;
  target.strips = {option};
  return target;
}
inline FakeTarget drops(std::function<bool(const Packet& packet)> which) {
  FakeTarget target;
  target.drops = std::move(which);
  return target;
}

/// Targets by name.
///
///     const FakeNetwork network{{"plain", answers()}, {"gone", silent()}};
using FakeNetwork = std::map<std::string, FakeTarget, std::less<>>;

/// What names come to, for measurements that expand jobs. A name that is not there does not exist.
///
///     FakeNames names;
///     names["www.example.org"].state = NameState::resolved;
///     names["www.example.org"].addresses = {*IpAddress::parse("192.0.2.80")};
using FakeNames = std::map<std::string, ResolvedName, std::less<>>;

}  // namespace spiderling::testing
