// Which link types are decoded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "spiderling/packet.h"

namespace spiderling {

inline constexpr std::array known_link_types = {
    LinkType::null,         LinkType::ethernet, LinkType::ppp,    LinkType::raw_bsd,
    LinkType::raw_openbsd,  LinkType::ppp_hdlc, LinkType::raw_ip, LinkType::loop,
    LinkType::linux_cooked, LinkType::ipv4,     LinkType::ipv6,   LinkType::linux_cooked_v2};

/// nullopt for a LINKTYPE_ number that is not decoded.
constexpr std::optional<LinkType> known_link_type(std::uint32_t number) {
  for (const LinkType each : known_link_types)
    if (static_cast<std::uint32_t>(each) == number) return each;
  return std::nullopt;
}

}  // namespace spiderling
