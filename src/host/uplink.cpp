#include "host/uplink.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "host/netlink_attributes.h"

namespace spiderling {

namespace {

constexpr std::array versions = {IpVersion::v4, IpVersion::v6};
// Nobody's address, by RFC 5737 and RFC 3849, to which only a default route leads.
constexpr std::array<std::string_view, 2> nobody = {"192.0.2.1", "2001:db8::1"};
constexpr std::array<std::string_view, 2> version_names = {"IPv4", "IPv6"};

constexpr unsigned lower_up = 1u << 16;  // IFF_LOWER_UP; <linux/if.h> and <net/if.h> do not go together

std::size_t index_of(IpVersion version) { return version == IpVersion::v4 ? 0 : 1; }
std::size_t length_of(IpVersion version) { return version == IpVersion::v4 ? 4 : 16; }

std::vector<std::byte> link_request(int index) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  header->ifi_family = AF_UNSPEC;
  header->ifi_index = index;
  return sized_request(std::move(buffer));
}

std::vector<std::byte> route_request(const IpAddress& destination) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  const std::size_t length = length_of(destination.version);
  header->rtm_family = destination.version == IpVersion::v4 ? AF_INET : AF_INET6;
  header->rtm_dst_len = static_cast<std::uint8_t>(length * 8);
  mnl_attr_put(request, RTA_DST, length, destination.bytes.data());
  return sized_request(std::move(buffer));
}

std::optional<IpAddress> address_of(const nlattr* attribute, IpVersion version) {
  const std::size_t length = length_of(version);
  if (mnl_attr_get_payload_len(attribute) != length) return std::nullopt;
  IpAddress address;
  address.version = version;
  std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), length);
  return address;
}

}  // namespace

Result<Uplink> Uplink::open(const std::string& interface) {
  const auto index = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (index == 0) return error("there is no interface {}", interface);
  auto netlink = Netlink::open();
  if (!netlink) return tl::unexpected(netlink.error());
  Uplink uplink(interface, index, std::move(*netlink));
  const Link link = uplink.link();
  if (!link.is_there) return error("the kernel says nothing about the interface {}", interface);
  uplink.carrier_changes_ = link.carrier_changes;
  uplink.needs_running_ = link.is_running;  // some virtual ones never are
  for (const IpVersion version : versions)
    uplink.needs_route_[index_of(version)] = uplink.default_route(version).through_us;
  return uplink;
}

std::string Uplink::what_is_away() {
  const Link now = link();
  const bool was_away = std::exchange(carrier_changes_, now.carrier_changes) != now.carrier_changes;
  if (!now.is_there) return fmt::format("{} is gone", interface_);
  if (!now.is_up) return fmt::format("{} is down", interface_);
  if (needs_running_ && !now.is_running) return fmt::format("{} has no carrier", interface_);
  if (std::string missing = missing_route(); !missing.empty()) return missing;
  return was_away ? fmt::format("{} was down for a moment", interface_) : std::string();
}

std::optional<IpAddress> Uplink::gateway() {
  for (const IpVersion version : versions)
    if (auto route = default_route(version); route.gateway) return route.gateway;
  return std::nullopt;
}

std::string Uplink::missing_route() {
  for (const IpVersion version : versions) {
    const std::size_t at = index_of(version);
    if (needs_route_[at] && !default_route(version).through_us)
      return fmt::format("the {} default route through {} is gone", version_names[at], interface_);
  }
  return {};
}

Uplink::Link Uplink::link() {
  Link found;
  netlink_.ask(link_request(index_), [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return;
    const unsigned flags = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message))->ifi_flags;
    found.is_there = true;
    found.is_up = (flags & IFF_UP) != 0;
    found.is_running = (flags & IFF_RUNNING) != 0 && (flags & lower_up) != 0;
    for_each_attribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == IFLA_CARRIER_CHANGES && mnl_attr_get_payload_len(attribute) >= 4)
        found.carrier_changes = mnl_attr_get_u32(attribute);
    });
  });
  return found;
}

Uplink::DefaultRoute Uplink::default_route(IpVersion version) {
  DefaultRoute found;
  const auto request = route_request(*IpAddress::parse(nobody[index_of(version)]));
  netlink_.ask(request, [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg)) return;
    if (static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message))->rtm_type != RTN_UNICAST) return;
    for_each_attribute(message, sizeof(rtmsg), [&](const nlattr* attribute) {
      switch (mnl_attr_get_type(attribute)) {
        case RTA_OIF:
          if (mnl_attr_get_payload_len(attribute) >= 4)
            found.through_us = mnl_attr_get_u32(attribute) == static_cast<std::uint32_t>(index_);
          break;
        case RTA_GATEWAY: found.gateway = address_of(attribute, version); break;
        default: break;
      }
    });
  });
  if (!found.through_us) found.gateway.reset();
  return found;
}

}  // namespace spiderling
