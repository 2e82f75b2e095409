// Packets in, JSON records out, with the chains that this program has. Only for tests, those of
// plugins/chains above all.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "dumplings/flow_record_json.h"
#include "dumplings/test_json.h"
#include "flows/test_packets.h"
#include "plugins/registry.h"
#include "wire/testing.h"

namespace spiderling::testing {

inline constexpr IpVersion both_versions[] = {IpVersion::v4, IpVersion::v6};

/// The records of these packets, in the order in which they were emitted; each is checked against its schema.
inline std::vector<Json> run_chains(const std::vector<std::string>& names, Trace& trace) {
  const auto found = Registry::built_in().chains(names);
  if (!found) {
    ADD_FAILURE() << found.error().message;
    return {};
  }
  const auto chains = ChainSet::make(*found);
  if (!chains) {
    ADD_FAILURE() << chains.error().message;
    return {};
  }
  struct Sink : FlowSink {
    explicit Sink(const ChainSet& set)
        : json(set), schema(Json::parse(flow_record_schema(set)).value_or(Json{})) {}
    void flow_ended(const FlowRecord& record) override {
      std::string line;
      json.append(record, line);
      const auto parsed = Json::parse(line);
      ASSERT_TRUE(parsed.has_value()) << line;
      EXPECT_EQ(violation(schema, *parsed), "") << line;
      records.push_back(*parsed);
    }
    FlowRecordJson json;
    Json schema;
    std::vector<Json> records;
  } sink(*chains);
  Observer observer(*chains, {}, sink);
  for (const Frame& frame : trace.frames()) observer.process({&frame, 1});
  observer.finish();
  return std::move(sink.records);
}

/// These packets, a millisecond apart.
inline Trace trace_of(const std::vector<PacketBytes>& packets) {
  Trace trace;
  for (const PacketBytes& packet : packets)
    trace.at(static_cast<std::int64_t>(trace.size()) * millisecond, packet);
  return trace;
}

/// The one record of these packets.
inline Json run_chain(const std::string& name, const std::vector<PacketBytes>& packets) {
  Trace trace = trace_of(packets);
  auto records = run_chains({name}, trace);
  EXPECT_EQ(records.size(), 1u) << "one flow expected";
  return records.empty() ? Json{} : std::move(records.front());
}

/// True if the chain said that the flow is complete: the first packet, sent again after the expiry timeout,
/// starts another.
inline bool completes(const std::string& name, const std::vector<PacketBytes>& packets) {
  Trace trace = trace_of(packets);
  trace.at(10 * second, packets.front());
  return run_chains({name}, trace).size() == 2;
}

/// `fields`: "name=value ..." as JSON shows them.
inline void expect_fields(const Json& record, const std::string& fields) {
  std::istringstream words(fields);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    EXPECT_EQ(record[word.substr(0, equals)], word.substr(equals + 1)) << word.substr(0, equals);
  }
}

/// A DNS message, or a piece of one, as bytes of a packet: over UDP as it is, over TCP with its length before
/// it.
inline PacketBytes udp_with(const Endpoint& from, const Endpoint& to, Bytes payload) {
  return ip_packet(from, to, {}, [&](PacketBuilder& packet) {
    packet.udp({.source_port = from.port, .destination_port = to.port}).payload(payload);
  });
}

}  // namespace spiderling::testing
