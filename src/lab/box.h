// The middleboxes that the lab knows how to be.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace spiderling::lab {

enum class BoxKind : std::uint8_t {
  clean,
  ecn_syn_dropped,
  ecn_bleached,
  ecn_reflected,
  ecn_refused,
  ce_marked,
  mss_stripped,
  window_scale_stripped,
  sack_stripped,
  timestamps_stripped,
  mss_lowered,
  mss_raised,
  tfo_stripped,
  syn_data_dropped,
  dscp_bleached,
  dscp_rewritten,
  dscp_dropped,
  evil_dropped,
  evil_cleared,
  udp_zero_dropped,
  h2_refused,
  silent,
  rst,
  unreachable,
  slow,
  lossy,
  duplicating,
  reordering,
};

/// What a box does its work with.
enum class BoxWork : std::uint8_t {
  nothing,    ///< the way is clean
  rules,      ///< rules of nft in the router
  forwarder,  ///< a program of ours on a TUN device of the router: see forwarder.h
};

enum class Parameter : std::uint8_t { delay, loss, mss, dscp, duplicate, reorder };

/// What a host of a scenario may set of its box. A box uses those that it names in Box::parameters.
struct Parameters {
  std::chrono::milliseconds delay{0};
  double loss_percent = 0;
  double duplicate_percent = 0;
  double reorder_percent = 0;
  std::uint16_t mss = 0;
  std::optional<std::uint8_t> dscp{};
};

struct Box {
  BoxKind kind{};
  std::string_view name;
  std::string_view summary;  ///< one line
  BoxWork work{};
  std::vector<Parameter> parameters;
  Parameters defaults;
  bool ipv4_only = false;  ///< what it does something to is not in IPv6
};

/// All of them, in the order in which they are listed.
std::span<const Box> boxes();
/// nullptr if there is none of that name.
const Box* find_box(std::string_view name);
/// The key of a parameter in a scenario: "delay_ms", "loss_percent", ...
std::string_view key_of(Parameter parameter);

}  // namespace spiderling::lab
