// The hooks of the chains of one run, in the order in which they are called.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "spiderling/chain.h"

namespace spiderling {

/// A value: who sets chains aside has a copy of its own.
struct ChainHooks {
  /// A hook, the place of its chain's state, and its chain's number.
  template <class Function>
  struct Bound {
    Function call;
    std::uint32_t state_offset;
    std::uint32_t chain;
  };
  template <class Function>
  struct Hooks : std::vector<Bound<Function>> {
    std::uint64_t runs = 0;  ///< how often all of these were called, by a ChainGuard
  };

  Hooks<decltype(ChainDescription::new_flow)> new_flow;
  Hooks<decltype(ChainDescription::ip4)> ip4;
  Hooks<decltype(ChainDescription::ip6)> ip6;
  Hooks<decltype(ChainDescription::icmp4)> icmp4;
  Hooks<decltype(ChainDescription::icmp6)> icmp6;
  Hooks<decltype(ChainDescription::tcp)> tcp;
  Hooks<decltype(ChainDescription::udp)> udp;
  Hooks<decltype(ChainDescription::l4)> l4;

  static constexpr std::size_t lists = 8;
  /// Calls `visit` with each list.
  template <class Visit>
  void for_each(Visit&& visit) {
    visit(new_flow), visit(ip4), visit(ip6), visit(icmp4), visit(icmp6), visit(tcp), visit(udp), visit(l4);
  }
};

/// Which chains of a run failed over a flow. Fits into what a Flow has left: from `named` on they share a
/// bit.
class FailedChains {
 public:
  static constexpr std::size_t named = 15;

  void add(std::size_t chain) { bits_ = static_cast<std::uint16_t>(bits_ | 1u << std::min(chain, named)); }
  FailedChains operator|(FailedChains other) const {
    other.bits_ = static_cast<std::uint16_t>(other.bits_ | bits_);
    return other;
  }
  bool any() const { return bits_ != 0; }
  /// Of those that share a bit: one of them did.
  bool has(std::size_t chain) const { return (bits_ >> std::min(chain, named) & 1u) != 0; }

 private:
  std::uint16_t bits_ = 0;
};

}  // namespace spiderling
