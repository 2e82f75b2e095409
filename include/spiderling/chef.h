// Chefs: small handlers that turn packets into JSON.
//
//     #include <spiderling/chef.h>
//     using namespace spiderling;
//
//     class DnsLookups : public Chef {
//      public:
//       Payload packet_handler(const Packet& packet) override {
//         const auto dns = packet.dns();
//         if (!dns || dns->questions().empty()) return {};
//         return {{"lookup", {{"hostname", dns->questions().front().name()},
//                             {"when", packet.time_seconds()}}}};
//       }
//     };
//     SPIDERLING_CHEF(DnsLookups)
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "spiderling/dumpling.h"
#include "spiderling/packet.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// What a packet may have. A set: `Layers::arp | Layers::dns`.
enum class Layers : std::uint32_t {
  any = 1u << 0,  ///< every packet
  arp = 1u << 1,  ///< also malformed and other hardware's ARP, for which Packet::arp() gives nothing
  ip4 = 1u << 2,
  ip6 = 1u << 3,
  tcp = 1u << 4,  ///< not in later fragments; so with all below
  udp = 1u << 5,
  icmp = 1u << 6,  ///< ICMPv4 or ICMPv6
  dns = 1u << 7,   ///< by its ports; whether there is a message, Packet::dns() tells
};
constexpr Layers operator|(Layers a, Layers b) {
  return static_cast<Layers>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr Layers operator&(Layers a, Layers b) {
  return static_cast<Layers>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
constexpr bool intersect(Layers a, Layers b) { return (static_cast<std::uint32_t>(a & b)) != 0; }

/// Gets packets and, at regular intervals, pokes; what its handlers return becomes the payload of a dumpling.
/// A chef has a handler by overriding it; a handler that it does not have is never called.
///
/// Thread-safety: a chef belongs to one kitchen, which calls one of its handlers at a time: no locks are
/// needed. A handler that throws loses that one payload: the failure is logged once and counted, and the run
/// goes on. A chef one of whose handlers fails many times in a row (nd-sniff --max-failures) is set aside:
/// none of its handlers is called any more. A handler that takes longer than a second is named in the log.
class Chef {
 public:
  /// What it wants; a derived class hides these with its own. A packet must have one of the layers and match
  /// the filter, a libpcap expression. A chef costs nothing for packets that it does not want.
  static constexpr Layers wants = Layers::any;
  static constexpr const char* filter = "";
  /// False: a base for other chefs, never loaded by a kitchen.
  static constexpr bool assignable_to_kitchen = true;

  Chef() = default;
  Chef(const Chef&) = delete;
  Chef& operator=(const Chef&) = delete;
  virtual ~Chef() = default;

  /// For every packet wanted. The packet dies when the handler returns: Packet::own() keeps it.
  virtual Payload packet_handler(const Packet& /*packet*/) { return {}; }
  /// Every poke interval, the first time when the kitchen starts, whether or not packets came. `interval`:
  /// the time between two pokes, in seconds. In a trace it is the packets' time that passes.
  virtual Payload interval_handler(std::chrono::duration<double> /*interval*/) { return {}; }
  /// Whatever its bounded memory had to let go, for the kitchen's counters. Called as the handlers are.
  virtual std::uint64_t forgotten() const { return 0; }

  /// Its class's name, without namespaces. Empty in its constructor; so is the kitchen's name.
  const std::string& name() const { return name_; }
  const std::string& kitchen() const { return kitchen_; }

  /// For the kitchen that takes it on: once, before the first handler.
  void join(std::string name, std::string kitchen) {
    name_ = std::move(name);
    kitchen_ = std::move(kitchen);
  }

 private:
  std::string name_;
  std::string kitchen_;
};

/// A class of chefs as a kitchen sees it: made by describe_chef() from the class that a user writes.
struct ChefDescription {
  const char* name;
  Layers wants;
  const char* filter;
  bool assignable_to_kitchen;
  bool has_packet_handler;
  bool has_interval_handler;
  std::function<std::unique_ptr<Chef>()> create;  ///< throws what the chef's constructor throws
};

namespace detail {

/// "a::b::Name" -> "Name"
constexpr const char* without_namespace(const char* name) {
  const char* last = name;
  for (const char* p = name; *p != '\0'; ++p) {
    if (*p == ':') last = p + 1;
  }
  return last;
}

// A handler that is not overridden is still the base class's member.
template <class C>
constexpr bool has_packet_handler() {
  if constexpr (requires { &C::packet_handler; }) {
    return !std::is_same_v<decltype(&C::packet_handler), Payload (Chef::*)(const Packet&)>;
  } else {
    return true;  // private or overloaded
  }
}
template <class C>
constexpr bool has_interval_handler() {
  if constexpr (requires { &C::interval_handler; }) {
    return !std::is_same_v<decltype(&C::interval_handler), Payload (Chef::*)(std::chrono::duration<double>)>;
  } else {
    return true;
  }
}

}  // namespace detail

/// `Anchor`: a type of the file that registers the chef, see SPIDERLING_PLUGIN.
template <class C, class Anchor = void>
const ChefDescription& describe_chef(const char* name) {
  static_assert(std::is_base_of_v<Chef, C>, "a chef derives from spiderling::Chef, publicly");
  static_assert(std::is_default_constructible_v<C>, "a chef has a constructor without arguments");
  static const ChefDescription description{
      name,
      C::wants,
      C::filter,
      C::assignable_to_kitchen,
      detail::has_packet_handler<C>(),
      detail::has_interval_handler<C>(),
      []() -> std::unique_ptr<Chef> { return std::make_unique<C>(); },
  };
  return description;
}

}  // namespace spiderling

/// Registers a chef. At namespace scope, one a line; the chef needs no header of its own.
#define SPIDERLING_CHEF(ChefClass)                                                         \
  SPIDERLING_PLUGIN(                                                                       \
      ::spiderling::PluginKind::chef, ::spiderling::detail::without_namespace(#ChefClass), \
      ::spiderling::detail::version_of<ChefClass>(),                                       \
      (::spiderling::describe_chef<ChefClass, Anchor>(::spiderling::detail::without_namespace(#ChefClass))))
