// Reads all that a packet offers, and checks what must hold of any packet, hostile or not. For tests and fuzz
// targets.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::testing {

namespace touch_detail {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "a packet breaks a promise: %s\n", what);
  std::abort();
}

// Every byte, so that a sanitizer sees a view that reaches outside.
inline unsigned sum(Bytes bytes) {
  unsigned total = 0;
  for (const std::uint8_t byte : bytes) total += byte;
  return total;
}

inline bool lies_in(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

template <class Records>
unsigned touch_records(const Records& records) {
  unsigned total = 0;
  std::size_t count = 0;
  for (const DnsRecord& record : records) {
    total += static_cast<unsigned>(record.name().size() + record.type() + record.klass() + record.ttl());
    total += sum(record.data());
    if (const auto target = record.target()) total += static_cast<unsigned>(target->text().size());
    if (const auto address = record.address()) total += static_cast<unsigned>(address->to_string().size());
    require(++count <= 0xffff, "a section has at most 65535 records");
  }
  return total;
}

}  // namespace touch_detail

inline unsigned touch(const DnsMessage& dns) {
  using namespace touch_detail;
  unsigned total = 0u + dns.id() + dns.flags() + dns.opcode() + dns.rcode() + (dns.is_response() ? 1u : 0u);
  std::size_t questions = 0;
  for (const DnsQuestion& question : dns.questions()) {
    total += static_cast<unsigned>(question.name().size() + question.type() + question.klass());
    require(question.name().size() <= max_dns_name_text, "a name fits into its room");
    ++questions;
  }
  require(questions <= dns.question_count(), "no more questions than stated");
  require(dns.questions().empty() == (questions == 0), "empty() is right");
  total += touch_records(dns.answers()) + touch_records(dns.authorities()) + touch_records(dns.additionals());
  if (dns.well_formed())
    require(questions == dns.question_count(), "a well-formed message has all its questions");
  return total + static_cast<unsigned>(dns.questions().front().name().size());
}

namespace touch_detail {

inline unsigned touch_network(const Packet& packet) {
  unsigned total =
      static_cast<unsigned>(packet.source().to_string().size() + packet.destination().to_string().size());
  total += packet.traffic_class() + packet.dscp() + static_cast<unsigned>(packet.ecn()) + packet.ip_length();
  if (const auto ip = packet.ip4()) {
    total += sum(ip->bytes()) + sum(ip->options()) + ip->total_length() + ip->ttl() + ip->fragment_offset();
    require(ip->source() == packet.source(), "addresses are those of the header");
  }
  if (const auto ip = packet.ip6()) {
    total += sum(ip->bytes()) + ip->flow_label() + ip->hop_limit() + ip->payload_length();
    require(ip->destination() == packet.destination(), "addresses are those of the header");
  }
  require(packet.is_ip() == (packet.ip4() || packet.ip6()), "a packet is IP if it has an IP header");
  if (const auto fragment = packet.fragment()) {
    total += fragment->identification + fragment->offset;
    require(packet.is_fragment(), "fragment() says what is_fragment() says");
    require(packet.is_later_fragment() == !fragment->is_first(), "a later fragment has an offset");
  }
  if (const auto arp = packet.arp()) total += static_cast<unsigned>(arp->sender_address().to_string().size());
  return total;
}

inline unsigned touch_transport(const Packet& packet) {
  unsigned total = sum(packet.transport().bytes) + packet.source_port() + packet.destination_port();
  if (const auto tcp = packet.tcp()) {
    total +=
        tcp->flags() + tcp->window() + sum(tcp->options().bytes()) + (tcp->options().well_formed() ? 1u : 0u);
    std::size_t options = 0;
    for (const TcpOption& option : tcp->options()) {
      total += option.kind + sum(option.data);
      require(option.length == option.data.size() + 2, "an option is as long as it says");
      require(++options <= 20, "forty bytes hold at most twenty options with a length");
    }
  }
  if (const auto udp = packet.udp()) total += 0u + udp->length() + udp->checksum();
  if (const auto sctp = packet.sctp()) total += sctp->verification_tag() + sctp->checksum();
  if (const auto icmp = packet.icmp()) {
    total += icmp->rest_of_header() + sum(icmp->payload());
    require(!packet.is_later_fragment(), "a later fragment has no transport header");
  }
  return total;
}

}  // namespace touch_detail

/// `depth`: how far to go into tunnels and quotations.
inline unsigned touch(const Packet& packet, int depth = 6) {
  using namespace touch_detail;
  require(lies_in(packet.payload(), packet.data()), "the payload lies in the capture");
  require(lies_in(packet.transport().bytes, packet.data()), "the transport lies in the capture");
  require(lies_in(packet.network(), packet.data()), "the network layer lies in the capture");
  require(packet.payload().size() <= packet.payload_length(), "no more payload than the IP header states");
  require(packet.wire_length() >= packet.data().size(), "no less on the wire than captured");
  unsigned total = sum(packet.data()) + sum(packet.network()) + sum(packet.payload());
  total += 0u + packet.ether_type() + packet.vlan_count() + packet.mpls_label_count();
  if (const auto ethernet = packet.ethernet()) total += ethernet->type();
  if (const auto vlan = packet.vlan()) total += vlan->id();
  total += touch_network(packet) + touch_transport(packet);
  total += static_cast<unsigned>(verify_network_checksum(packet)) +
           static_cast<unsigned>(verify_transport_checksum(packet));
  if (const auto dns = packet.dns()) total += touch(*dns);
  if (depth == 0) return total;
  if (const auto inner = packet.inner()) {
    require(lies_in(inner->data(), packet.payload()), "what a tunnel carries lies in its payload");
    total += touch(*inner, depth - 1);
  }
  if (const auto quotation = packet.quotation()) {
    require(lies_in(quotation->data(), packet.payload()), "a quotation lies in the payload");
    total += touch(*quotation, depth - 1);
  }
  return total;
}

}  // namespace spiderling::testing
