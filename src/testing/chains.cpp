#include "spiderling/testing/chains.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/nearest.h"
#include "dumplings/flow_record_json.h"
#include "flows/observer.h"
#include "testing/finder.h"
#include "testing/frames.h"

namespace spiderling::testing {
namespace {

class KeptRecords final : public FlowSink {
 public:
  explicit KeptRecords(const ChainSet& chains) : json_(chains) {}
  void flow_ended(const FlowRecord& record) override {
    std::string line;
    json_.append(record, line);
    records.emplace_back(boost::json::parse(line));
  }
  std::vector<Record> records;

 private:
  FlowRecordJson json_;
};

std::vector<Record> run(const std::vector<const ChainDescription*>& found, const Packets& packets,
                        const ChainOptions& options) {
  const auto chains = ChainSet::make(found);
  if (!chains) throw std::invalid_argument(chains.error().message);
  KeptRecords kept(*chains);
  ObserverOptions observer_options;
  observer_options.idle_timeout = options.idle_timeout;
  observer_options.expiry_timeout = options.expiry_timeout;
  Observer observer(*chains, observer_options, kept);
  // One by one: timers look at the clock once a batch.
  for (const Frame& frame : frames_of(packets)) observer.process({&frame, 1});
  observer.finish();
  return std::move(kept.records);
}

Record only(std::vector<Record> records, std::string_view name) {
  if (records.size() != 1)
    throw std::runtime_error(
        fmt::format("chain {}: the packets make {} flow records, not one", name, records.size()));
  return std::move(records.front());
}

// As somebody writes it: JSON, or a text without its quotes.
Payload expected_value(std::string_view text) {
  boost::json::error_code problem;
  Payload value = boost::json::parse(text, problem);
  return problem ? Payload(text) : value;
}

}  // namespace

const Payload& Record::operator[](std::string_view field) const {
  if (const Payload* found = record_.as_object().if_contains(field)) return *found;
  const auto names = fields();
  const std::vector<std::string_view> known(names.begin(), names.end());
  throw std::out_of_range(fmt::format("the record has no field '{}'; {}", field, did_you_mean(field, known)));
}

bool Record::has(std::string_view field) const { return record_.as_object().contains(field); }

std::vector<std::string> Record::fields() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : record_.as_object()) names.emplace_back(name);
  return names;
}

std::string Record::to_string() const { return boost::json::serialize(record_); }

std::string Record::differences(std::string_view expected) const {
  std::string report;
  while (true) {
    expected.remove_prefix(std::min(expected.find_first_not_of(" \n"), expected.size()));
    if (expected.empty()) return report;
    const std::string_view word = expected.substr(0, expected.find_first_of(" \n"));
    expected.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == word.npos) throw std::invalid_argument(fmt::format("'{}' is no FIELD=VALUE", word));
    const Payload& value = (*this)[word.substr(0, equals)];
    if (value == expected_value(word.substr(equals + 1))) continue;
    report += fmt::format("{} is {}, expected {}\n", word.substr(0, equals), boost::json::serialize(value),
                          word.substr(equals + 1));
  }
}

std::vector<Record> run_chains(const std::vector<std::string>& names, const Packets& packets,
                               const ChainOptions& options, PluginList own) {
  std::vector<const ChainDescription*> found;
  for (const std::string& name : names) found.push_back(&find_chain(name, own));
  return run(found, packets, options);
}

Record run_chain(const ChainDescription& chain, const Packets& packets) {
  return only(run({&chain}, packets, {}), chain.name);
}

Record run_chain(std::string_view name, const Packets& packets, PluginList own) {
  return run_chain(find_chain(name, own), packets);
}

bool completes(std::string_view name, const Packets& packets, PluginList own) {
  if (packets.empty()) throw std::invalid_argument("without a packet there is no flow");
  // A flow that is complete is over after the expiry timeout: its first packet, sent again, begins another.
  const ChainOptions options;
  Packets again = packets;
  again.wait(2 * options.expiry_timeout);
  again.add(packets.stored().front().bytes, packets.stored().front().link_type);
  return run({&find_chain(name, own)}, again, options).size() == 2;
}

}  // namespace spiderling::testing
