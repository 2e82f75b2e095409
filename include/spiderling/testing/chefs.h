// A chef in a test: packets in, the payloads of its dumplings out.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/chef.h"
#include "spiderling/testing/own_plugins.h"
#include "spiderling/testing/packets.h"

namespace spiderling::testing {

struct ChefOptions {
  std::string kitchen = "kitchen";
  /// Of the packets' time; the first poke comes with the first packet, the last after the last packet.
  std::chrono::nanoseconds poke_interval = std::chrono::seconds(5);
};

/// What a chef handed on.
struct Dumpling {
  Payload payload;
  bool from_interval = false;  ///< by the interval handler; else by the packet handler
  double creation_time = 0;    ///< seconds since the epoch, of the packets' time
};

struct ChefRun {
  std::vector<Dumpling> dumplings;
  std::uint64_t failures = 0;   ///< handlers that threw
  std::uint64_t unsayable = 0;  ///< payloads that JSON cannot say: NaN, infinity, text that is no UTF-8
  std::uint64_t forgotten = 0;  ///< what Chef::forgotten() says at the end

  /// The payloads of one handler, in order.
  std::vector<Payload> of_packets() const { return payloads(false); }
  std::vector<Payload> of_intervals() const { return payloads(true); }

 private:
  std::vector<Payload> payloads(bool from_interval) const;
};

/// Gives these packets to a chef of this name, in a kitchen of its own, as `nd-sniff -i TRACE` does.
///
///     const ChefRun run =
///         run_chef("DNSLookupChef", {"10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:example.org"});
///     assert(run.failures == 0);
///     assert(run.of_packets().at(0).at("lookup").at("hostname") == "example.org");
///
/// Throws std::invalid_argument if there is no such chef, and what its constructor throws as
/// std::runtime_error.
ChefRun run_chef(std::string_view name, const Packets& packets, const ChefOptions& options = {},
                 PluginList own = own_plugins());
/// By its description, whether it is registered or not.
ChefRun run_chef(const ChefDescription& chef, const Packets& packets, const ChefOptions& options = {});
/// By its class, where a test can see it.
template <class C>
ChefRun run_chef(const Packets& packets, const ChefOptions& options = {}) {
  return run_chef(describe_chef<C>("chef"), packets, options);
}

}  // namespace spiderling::testing
