#include "trace/flow.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace spiderling::bench {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::uint16_t https_port = 443;
constexpr std::size_t udp_checksum_at = 6;
constexpr std::size_t icmp_checksum_at = 2;
constexpr std::size_t ethernet_minimum = 60;

std::uint16_t server_port_of(FlowKind kind, Random& random) {
  if (kind == FlowKind::dns) return dns_port;
  if (kind == FlowKind::quic) return https_port;
  if (kind != FlowKind::tcp) return static_cast<std::uint16_t>(random.between(1024, 65535));
  constexpr std::array<std::uint16_t, 8> common = {443, 443, 443, 443, 80, 80, 22, 25};
  return common[random.below(common.size())];
}

void put_v4(std::array<std::uint8_t, 16>& address, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) address[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

void put_v6(std::array<std::uint8_t, 16>& address, std::uint32_t site, std::uint64_t host) {
  put_v4(address, 0x20010db8);  // 2001:db8::/32, RFC 3849
  for (std::size_t i = 0; i < 4; ++i) address[4 + i] = static_cast<std::uint8_t>(site >> (24 - 8 * i));
  for (std::size_t i = 0; i < 8; ++i) address[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
}

void udp_header(Frame& frame, std::uint16_t source, std::uint16_t destination, std::size_t length) {
  frame.append16(source);
  frame.append16(destination);
  frame.append16(static_cast<std::uint16_t>(length + 8));
  frame.append16(0);
}

void udp_packet(Frame& frame, const Parties& who, bool forward, std::span<const std::uint8_t> data) {
  frame.begin(forward ? who.forward : reversed(who.forward), protocol_udp, 0);
  udp_header(frame, forward ? who.client_port : who.server_port, forward ? who.server_port : who.client_port,
             data.size());
  frame.append(data);
  frame.finish(udp_checksum_at);
  if (!forward) frame.pad_to(ethernet_minimum);
}

void append_label(std::vector<std::uint8_t>& message, std::string_view label) {
  message.push_back(static_cast<std::uint8_t>(label.size()));
  message.insert(message.end(), label.begin(), label.end());
}

/// A query for one name, or its answer with one address behind a compression pointer.
std::vector<std::uint8_t> dns_message(const Flow& flow, bool answer) {
  Random random(flow.seed ^ 0xd15);
  const auto id = static_cast<std::uint16_t>(random.next());
  const auto answers = static_cast<std::uint8_t>(answer ? 1 : 0);
  const auto flags = static_cast<std::uint8_t>(answer ? 0x81 : 0x01);
  const auto more_flags = static_cast<std::uint8_t>(answer ? 0x80 : 0);
  std::vector<std::uint8_t> message = {static_cast<std::uint8_t>(id >> 8),
                                       static_cast<std::uint8_t>(id),
                                       flags,
                                       more_flags,
                                       0,
                                       1,
                                       0,
                                       answers,
                                       0,
                                       0,
                                       0,
                                       0};
  std::array<char, 12> host{};
  const std::size_t length = random.between(3, 12);
  for (char& c : host) c = static_cast<char>('a' + random.below(26));
  append_label(message, std::string_view(host.data(), length));
  append_label(message, "example");
  append_label(message, "org");
  constexpr std::array<std::uint8_t, 5> root_a_in = {0, 0, 1, 0, 1};
  message.insert(message.end(), root_a_in.begin(), root_a_in.end());
  if (answer) {
    constexpr std::array<std::uint8_t, 16> record = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1};
    message.insert(message.end(), record.begin(), record.end());
  }
  return message;
}

void next_quic(Frame& frame, const Flow& flow, const Parties& who, Random& random) {
  const bool forward = flow.sent % 3 == 0;
  const bool large = flow.sent < 2 || !forward;
  udp_packet(frame, who, forward,
             payload(random, large ? random.between(1200, 1350) : random.between(25, 60)));
}

/// Datagrams of three fragments each, all from the client.
void next_fragment(Frame& frame, const Flow& flow, const Parties& who, Random& random) {
  constexpr std::uint32_t step = 1440;
  const std::uint32_t part = flow.sent % 3;
  const std::size_t length = part == 2 ? 300 : step;
  frame.begin(who.forward, protocol_udp, 0);
  frame.fragment(static_cast<std::uint32_t>(flow.seed) + flow.sent / 3, part * step, part != 2);
  if (part == 0) {
    udp_header(frame, who.client_port, who.server_port, 2 * step + 300 - 8);
    frame.append(payload(random, step - 8));
  } else {
    frame.append(payload(random, length));
  }
  frame.finish(Frame::no_checksum);
}

void next_ping(Frame& frame, const Flow& flow, const Parties& who, Random& random) {
  const bool forward = flow.sent % 2 == 0;
  const bool v6 = who.forward.v6;
  frame.begin(forward ? who.forward : reversed(who.forward), v6 ? protocol_icmpv6 : protocol_icmp, 0);
  const std::uint8_t request = v6 ? 128 : 8;
  const std::uint8_t reply = v6 ? 129 : 0;
  frame.append8(forward ? request : reply);
  frame.append8(0);
  frame.append16(0);
  frame.append16(who.client_port);
  frame.append16(static_cast<std::uint16_t>(flow.sent / 2));
  frame.append(payload(random, 56));
  frame.finish(icmp_checksum_at);
}

/// UDP packets into the void; the last packet is the host's word that nobody listens.
void next_unreachable(Frame& frame, const Flow& flow, const Parties& who, Random& random) {
  udp_packet(frame, who, true, payload(random, random.between(20, 200)));
  if (flow.sent + 1 < flow.packets) return;
  std::array<std::uint8_t, 64> quotation{};
  const std::span<const std::uint8_t> original = frame.network();
  const std::size_t length = std::min(original.size(), quotation.size());
  std::copy_n(original.begin(), length, quotation.begin());
  const bool v6 = who.forward.v6;
  frame.begin(reversed(who.forward), v6 ? protocol_icmpv6 : protocol_icmp, 0);
  frame.append8(v6 ? 1 : 3);
  frame.append8(v6 ? 4 : 3);
  frame.append32(0);
  frame.append16(0);
  frame.append(std::span(quotation).first(length));
  frame.finish(icmp_checksum_at);
}

}  // namespace

Parties parties(const Flow& flow) {
  Random random(flow.seed);
  Parties who;
  who.forward.v6 = random.chance(1, 4);
  who.server_port = server_port_of(flow.kind, random);
  // Eight flows a client, each with its own range of ports: no two flows have the same key.
  const std::uint32_t client = flow.index / 8;
  who.client_port = static_cast<std::uint16_t>(1024 + flow.index % 8 * 8000 + random.below(8000));
  // A few servers are asked by nearly everybody.
  const std::uint32_t server = random.chance(1, 2) ? random.below(64) : random.below(20000);
  if (who.forward.v6) {
    put_v6(who.forward.source, client >> 8, mix(client));
    put_v6(who.forward.destination, 0xffff0000U | server, 0x1ULL + server);
  } else {
    put_v4(who.forward.source, 0x0a000000U | (client & 0x00ffffffU));       // 10.0.0.0/8
    put_v4(who.forward.destination, 0xc6120000U | (server & 0x0001ffffU));  // 198.18.0.0/15, RFC 2544
  }
  const std::uint32_t tags = random.below(200);
  if (tags < 16) who.forward.vlan = static_cast<std::uint16_t>(random.between(2, 40));
  if (tags == 0) who.forward.outer_vlan = 100;
  return who;
}

Envelope reversed(const Envelope& forward) {
  Envelope back = forward;
  std::swap(back.source, back.destination);
  back.hop_limit = 52;
  return back;
}

std::span<const std::uint8_t> payload(Random& random, std::size_t length) {
  constexpr std::size_t pool_size = 1 << 18;
  static const std::vector<std::uint8_t> pool = [] {
    Random fill(0x5eed);
    std::vector<std::uint8_t> bytes(pool_size + Frame::max_size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(fill.next());
    return bytes;
  }();
  return {pool.data() + random.below(pool_size), length};
}

void next_packet(Frame& frame, Flow& flow, Random& random, std::uint64_t time_us) {
  if (flow.kind == FlowKind::tcp) {
    next_tcp(frame, flow, random, time_us);
    ++flow.sent;
    return;
  }
  const Parties who = parties(flow);
  switch (flow.kind) {
    case FlowKind::dns: udp_packet(frame, who, flow.sent == 0, dns_message(flow, flow.sent != 0)); break;
    case FlowKind::quic: next_quic(frame, flow, who, random); break;
    case FlowKind::fragmented_udp: next_fragment(frame, flow, who, random); break;
    case FlowKind::ping: next_ping(frame, flow, who, random); break;
    case FlowKind::unreachable: next_unreachable(frame, flow, who, random); break;
    case FlowKind::udp:
    case FlowKind::tcp:
      udp_packet(frame, who, flow.sent % 2 == 0, payload(random, random.between(20, 250)));
      break;
  }
  ++flow.sent;
}

void damage(Frame& frame, Random& random) {
  const std::size_t network = frame.network_offset();
  const std::size_t transport = frame.transport_offset();
  switch (random.below(8)) {
    case 0:
      frame.cut(random.between(1, static_cast<std::uint32_t>(std::min<std::size_t>(70, frame.size()))));
      break;
    case 1:
      frame.at(network) = static_cast<std::uint8_t>((frame.at(network) & 0xf0) | random.below(5));
      break;
    case 2: frame.at(network) = static_cast<std::uint8_t>(random.next()); break;  // any version
    case 3:
      frame.at(network + 4) ^= 0x40;
      frame.at(network + 2) ^= 0x40;
      break;                                                                                    // lengths
    case 4: frame.at(network - 2) = 0x12; break;                                                // EtherType
    case 5: frame.at(transport + 12) = static_cast<std::uint8_t>(random.below(5) << 4); break;  // data offset
    case 6:  // an option list whose first option has no length
      frame.pad_to(transport + 40);
      frame.at(transport + 12) = 0x60;
      frame.at(transport + 20) = static_cast<std::uint8_t>(random.between(2, 255));
      frame.at(transport + 21) = 0;
      break;
    default:
      for (int i = 0; i < 4; ++i) {
        frame.at(random.below(static_cast<std::uint32_t>(frame.size()))) =
            static_cast<std::uint8_t>(random.next());
      }
  }
}

}  // namespace spiderling::bench
