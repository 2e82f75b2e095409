#include "host/route_message.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstring>
#include <string>

#include "host/netlink_attributes.h"

namespace spiderling {
namespace {

constexpr std::size_t request_room = 16384;  // a message of the kernel is shorter, and we add less than this

using Attributes = std::array<const nlattr*, 64>;

Attributes attributes_of(const nlmsghdr* message, std::size_t header) {
  Attributes found{};
  for_each_attribute(message, header, [&](const nlattr* attribute) {
    const auto type = mnl_attr_get_type(attribute);
    if (type < found.size()) found[type] = attribute;
  });
  return found;
}

std::uint32_t u32(const nlattr* attribute, std::uint32_t otherwise = 0) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < 4) return otherwise;
  return mnl_attr_get_u32(attribute);
}

std::optional<Family> family_of(int number) {
  if (number == AF_INET) return Family::v4;
  if (number == AF_INET6) return Family::v6;
  return std::nullopt;
}

int number_of(Family family) { return family == Family::v4 ? AF_INET : AF_INET6; }

std::string address_text(Family family, const nlattr* attribute) {
  const std::size_t length = family == Family::v4 ? 4 : 16;
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < length) return "?";
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(number_of(family), mnl_attr_get_payload(attribute), text.data(), text.size());
  return text.data();
}

std::string hex(const void* bytes, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i)
    text += fmt::format("{:02x}", static_cast<const unsigned char*>(bytes)[i]);
  return text;
}

// Flags that say how a hop is just now (dead, link down, offloaded) differ between a route and its copy.
constexpr unsigned kept_hop_flags = RTNH_F_ONLINK | RTNH_F_PERVASIVE;

// Hops of a route with several: bytes with the transient flags cleared.
std::vector<std::byte> multipath_without_state(const nlattr* attribute) {
  const auto* begin = static_cast<const std::byte*>(mnl_attr_get_payload(attribute));
  std::vector<std::byte> bytes(begin, begin + mnl_attr_get_payload_len(attribute));
  std::size_t at = 0;
  while (at + sizeof(rtnexthop) <= bytes.size()) {
    rtnexthop hop;
    std::memcpy(&hop, bytes.data() + at, sizeof hop);
    if (hop.rtnh_len < sizeof hop) break;
    hop.rtnh_flags &= kept_hop_flags;
    std::memcpy(bytes.data() + at, &hop, sizeof hop);
    at += RTNH_ALIGN(hop.rtnh_len);
  }
  return bytes;
}

std::string via_of(Family family, const rtmsg& header, const Attributes& attributes) {
  std::string text;
  if (attributes[RTA_NH_ID] != nullptr) {
    text += fmt::format("nhid {} ", u32(attributes[RTA_NH_ID]));
  } else if (attributes[RTA_MULTIPATH] != nullptr) {
    const auto hops = multipath_without_state(attributes[RTA_MULTIPATH]);
    text += "hops " + hex(hops.data(), hops.size()) + " ";
  } else {
    if (attributes[RTA_GATEWAY] != nullptr)
      text += "via " + address_text(family, attributes[RTA_GATEWAY]) + " ";
    if (attributes[RTA_VIA] != nullptr)
      text += "via " +
              hex(mnl_attr_get_payload(attributes[RTA_VIA]), mnl_attr_get_payload_len(attributes[RTA_VIA])) +
              " ";
    if (attributes[RTA_OIF] != nullptr) text += fmt::format("dev {} ", u32(attributes[RTA_OIF]));
  }
  text +=
      fmt::format("type {} tos {} metric {}", header.rtm_type, header.rtm_tos, u32(attributes[RTA_PRIORITY]));
  return text;
}

std::uint32_t features_of(const nlattr* metrics) {
  std::uint32_t features = 0;
  if (metrics == nullptr) return features;
  for_each_nested(metrics, [&](const nlattr* metric) {
    if (mnl_attr_get_type(metric) == RTAX_FEATURES) features = u32(metric);
  });
  return features;
}

void put_metrics_with_ecn(nlmsghdr* request, const nlattr* metrics) {
  nlattr* nest = mnl_attr_nest_start(request, RTA_METRICS);
  if (metrics != nullptr) {
    for_each_nested(metrics, [&](const nlattr* metric) {
      const auto type = mnl_attr_get_type(metric);
      if (type == RTAX_FEATURES) return;
      mnl_attr_put(request, type, mnl_attr_get_payload_len(metric), mnl_attr_get_payload(metric));
    });
  }
  mnl_attr_put_u32(request, RTAX_FEATURES, features_of(metrics) | RTAX_FEATURE_ECN);
  mnl_attr_nest_end(request, nest);
}

// A route by nexthop object is described twice in what the kernel tells, but may only be once in what it is
// told.
bool is_told_twice(std::uint16_t type, bool by_nexthop_object) {
  return by_nexthop_object && (type == RTA_GATEWAY || type == RTA_VIA || type == RTA_OIF ||
                               type == RTA_MULTIPATH || type == RTA_ENCAP || type == RTA_ENCAP_TYPE);
}

std::vector<std::byte> route_request(const Route& route, std::uint16_t type, std::uint16_t flags,
                                     std::uint32_t table, std::uint8_t protocol, bool add_ecn) {
  const auto* original = reinterpret_cast<const nlmsghdr*>(route.message.data());
  std::vector<std::byte> buffer(request_room);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = type;
  request->nlmsg_flags = flags;
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  std::memcpy(header, mnl_nlmsg_get_payload(original), sizeof(rtmsg));
  header->rtm_table = RT_TABLE_UNSPEC;  // the attribute has it: there are more than 255
  header->rtm_protocol = protocol;
  header->rtm_flags &= kept_hop_flags;
  const auto attributes = attributes_of(original, sizeof(rtmsg));
  const bool by_object = attributes[RTA_NH_ID] != nullptr;
  for (std::uint16_t kind = 1; kind < attributes.size(); ++kind) {
    const nlattr* attribute = attributes[kind];
    if (attribute == nullptr || kind == RTA_TABLE || kind == RTA_CACHEINFO || kind == RTA_EXPIRES) continue;
    if ((kind == RTA_METRICS && add_ecn) || is_told_twice(kind, by_object)) continue;
    if (kind == RTA_MULTIPATH) {
      const auto hops = multipath_without_state(attribute);
      mnl_attr_put(request, RTA_MULTIPATH, hops.size(), hops.data());
      continue;
    }
    mnl_attr_put(request, kind, mnl_attr_get_payload_len(attribute), mnl_attr_get_payload(attribute));
  }
  mnl_attr_put_u32(request, RTA_TABLE, table);
  if (add_ecn) put_metrics_with_ecn(request, attributes[RTA_METRICS]);
  buffer.resize(request->nlmsg_len);
  return buffer;
}

constexpr std::uint32_t no_suppression = 0xffffffff;

bool asks_for_more_than_the_mark(const fib_rule_hdr& header, const Attributes& attributes) {
  if (header.src_len != 0 || header.dst_len != 0 || header.tos != 0) return true;
  for (const int kind : {FRA_SRC, FRA_DST, FRA_IIFNAME, FRA_OIFNAME, FRA_TUN_ID, FRA_L3MDEV, FRA_UID_RANGE,
                         FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE}) {
    if (attributes[static_cast<std::size_t>(kind)] != nullptr) return true;
  }
  // -1, which is what all rules have, suppresses nothing.
  return u32(attributes[FRA_SUPPRESS_PREFIXLEN], no_suppression) != no_suppression ||
         u32(attributes[FRA_SUPPRESS_IFGROUP], no_suppression) != no_suppression;
}

}  // namespace

std::optional<Route> parse_route(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg))
    return std::nullopt;
  rtmsg header;
  std::memcpy(&header, mnl_nlmsg_get_payload(message), sizeof header);
  const auto family = family_of(header.rtm_family);
  if (!family || (header.rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  const auto attributes = attributes_of(message, sizeof(rtmsg));
  Route route;
  route.family = *family;
  route.table = u32(attributes[RTA_TABLE], header.rtm_table);
  route.protocol = header.rtm_protocol;
  route.destination =
      header.rtm_dst_len == 0
          ? "default"
          : fmt::format("{}/{}", address_text(*family, attributes[RTA_DST]), header.rtm_dst_len);
  route.via = via_of(*family, header, attributes);
  route.ecn = (features_of(attributes[RTA_METRICS]) & RTAX_FEATURE_ECN) != 0;
  route.usable = (header.rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) == 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(message);
  route.message.assign(bytes, bytes + message->nlmsg_len);
  return route;
}

std::optional<PolicyRule> parse_rule(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(message) < sizeof(fib_rule_hdr))
    return std::nullopt;
  fib_rule_hdr header;
  std::memcpy(&header, mnl_nlmsg_get_payload(message), sizeof header);
  const auto family = family_of(header.family);
  if (!family) return std::nullopt;
  const auto attributes = attributes_of(message, sizeof(fib_rule_hdr));
  PolicyRule rule;
  rule.family = *family;
  rule.preference = u32(attributes[FRA_PRIORITY]);
  rule.mark = u32(attributes[FRA_FWMARK]);
  rule.mask = u32(attributes[FRA_FWMASK]);
  rule.table = header.action == FR_ACT_TO_TBL ? u32(attributes[FRA_TABLE], header.table) : 0;
  if (attributes[FRA_PROTOCOL] != nullptr && mnl_attr_get_payload_len(attributes[FRA_PROTOCOL]) >= 1)
    rule.protocol = mnl_attr_get_u8(attributes[FRA_PROTOCOL]);
  rule.inverted = (header.flags & FIB_RULE_INVERT) != 0;
  rule.selective = asks_for_more_than_the_mark(header, attributes);
  return rule;
}

std::vector<std::byte> ecn_copy_request(const Route& route, std::uint32_t table) {
  return route_request(route, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND, table,
                       our_protocol, true);
}

std::vector<std::byte> device_route_request(Family family, std::uint32_t device, std::uint32_t table) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_NEWROUTE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  header->rtm_family = family == Family::v4 ? AF_INET : AF_INET6;
  header->rtm_protocol = our_protocol;
  header->rtm_scope = family == Family::v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header->rtm_type = RTN_UNICAST;
  mnl_attr_put_u32(request, RTA_TABLE, table);
  mnl_attr_put_u32(request, RTA_OIF, device);
  buffer.resize(request->nlmsg_len);
  return buffer;
}

std::vector<std::byte> removal_request(const Route& route) {
  return route_request(route, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, route.table, route.protocol, false);
}

std::vector<std::byte> rule_request(const PolicyRule& rule, std::uint16_t type, std::uint16_t flags) {
  std::vector<std::byte> buffer(request_room);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = type;
  request->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  auto* header = static_cast<fib_rule_hdr*>(mnl_nlmsg_put_extra_header(request, sizeof(fib_rule_hdr)));
  header->family = static_cast<std::uint8_t>(number_of(rule.family));
  header->action = FR_ACT_TO_TBL;
  header->table = RT_TABLE_UNSPEC;
  mnl_attr_put_u32(request, FRA_PRIORITY, rule.preference);
  mnl_attr_put_u32(request, FRA_FWMARK, rule.mark);
  mnl_attr_put_u32(request, FRA_FWMASK, rule.mask);
  mnl_attr_put_u32(request, FRA_TABLE, rule.table);
  mnl_attr_put_u8(request, FRA_PROTOCOL, rule.protocol);
  buffer.resize(request->nlmsg_len);
  return buffer;
}

}  // namespace spiderling
