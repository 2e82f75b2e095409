// Chains in a test: packets in, flow records out.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "spiderling/chain.h"
#include "spiderling/dumpling.h"
#include "spiderling/testing/own_plugins.h"
#include "spiderling/testing/packets.h"

namespace spiderling::testing {

/// A flow record, as `spiderling observe` would write it. A value.
class Record {
 public:
  Record() = default;
  explicit Record(Payload record) : record_(std::move(record)) {}

  /// A field's value. Throws std::out_of_range, which names those that are near, if there is none of that
  /// name.
  const Payload& operator[](std::string_view field) const;
  bool has(std::string_view field) const;
  /// Names, in the order of the record.
  std::vector<std::string> fields() const;
  /// What is otherwise than expected, a line each; empty: nothing. `expected`: "ttl_fwd=64 ttl_rev=null",
  /// values as in JSON without spaces; text may go without quotes. Fields that are not named are not looked
  /// at.
  std::string differences(std::string_view expected) const;
  /// The record as JSON.
  std::string to_string() const;

 private:
  Payload record_ = boost::json::object();
};

struct ChainOptions {
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds expiry_timeout = std::chrono::seconds(5);
};

/// The records of these packets with chains of these names, in the order in which the flows ended.
///
///     const auto records = run_chains({"basic", "tcp"}, {"10.0.0.1:4000 > 10.0.0.2:80 tcp S",
///                                                        "10.0.0.2:80 > 10.0.0.1:4000 tcp RA"});
///     assert(records.size() == 1);
///     assert(records[0].differences("sip=10.0.0.1 pkt_fwd=1 tcp_rst_rev=true") == "");
///
/// Throws std::invalid_argument if there is no such chain, or if two cannot go together.
std::vector<Record> run_chains(const std::vector<std::string>& names, const Packets& packets,
                               const ChainOptions& options = {}, PluginList own = own_plugins());
/// The one record of these packets. Throws std::runtime_error if they are not one flow.
Record run_chain(std::string_view name, const Packets& packets, PluginList own = own_plugins());
/// The same by description: of a chain that is registered or not.
Record run_chain(const ChainDescription& chain, const Packets& packets);
/// By its struct, where a test can see it.
template <Chain C>
Record run_chain(const Packets& packets) {
  return run_chain(describe_chain<C>(), packets);
}

/// True if the chain says of these packets, which are of one flow, that the flow is complete.
bool completes(std::string_view name, const Packets& packets, PluginList own = own_plugins());

}  // namespace spiderling::testing
