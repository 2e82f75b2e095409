// What a filter in the kernel may ask beside a packet's bytes. (<linux/filter.h> and libpcap's headers do not
// go together.)
#pragma once

#include <linux/filter.h>

#include <cstdint>

namespace spiderling {

/// Where a program reads what the kernel knows of a packet: SKF_AD_VLAN_TAG_PRESENT and the like.
constexpr std::uint32_t ancillary(int which) { return static_cast<std::uint32_t>(SKF_AD_OFF + which); }

}  // namespace spiderling
