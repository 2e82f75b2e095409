// The chains of one run, laid out: where each state lies in a flow's block, and which hooks there are to
// call.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "spiderling/chain.h"

namespace spiderling {

/// Immutable once made; may be read from any thread.
class ChainSet {
 public:
  /// A hook and the place of its chain's state.
  template <class Function>
  struct Bound {
    Function call;
    std::uint32_t state_offset;
  };
  template <class Function>
  using Hooks = std::vector<Bound<Function>>;

  struct Placed {
    const ChainDescription* chain;
    std::uint32_t state_offset;
  };

  /// Error: the same chain twice, a field name that two chains share or that is the engine's, or that is no
  /// plain word.
  static Result<ChainSet> make(std::span<const ChainDescription* const> chains);

  const std::vector<Placed>& chains() const { return chains_; }
  /// The states of a new flow, one behind the other; its size is that of the block behind a Flow.
  const std::vector<std::uint8_t>& blank_states() const { return blank_; }

  Hooks<decltype(ChainDescription::new_flow)> new_flow;
  Hooks<decltype(ChainDescription::ip4)> ip4;
  Hooks<decltype(ChainDescription::ip6)> ip6;
  Hooks<decltype(ChainDescription::icmp4)> icmp4;
  Hooks<decltype(ChainDescription::icmp6)> icmp6;
  Hooks<decltype(ChainDescription::tcp)> tcp;
  Hooks<decltype(ChainDescription::udp)> udp;
  Hooks<decltype(ChainDescription::l4)> l4;

 private:
  void place(const ChainDescription& chain);

  std::vector<Placed> chains_;
  std::vector<std::uint8_t> blank_;
};

}  // namespace spiderling
