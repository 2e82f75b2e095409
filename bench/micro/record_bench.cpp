// What one flow record costs to write.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "dumplings/flow_record_json.h"
#include "flows/chain_set.h"
#include "flows/observer.h"
#include "micro/sample.h"
#include "plugins/registry.h"

namespace spiderling::bench {
namespace {

/// Keeps what the observer lends.
class KeepRecords : public FlowSink {
 public:
  explicit KeepRecords(std::size_t states_size) : states_size_(states_size) {}

  void flow_ended(const FlowRecord& record) override {
    kept_.push_back({record.first, record.last, {record.states, record.states + states_size_}, *record.key});
  }
  std::vector<FlowRecord> records() const {
    std::vector<FlowRecord> all;
    for (const Kept& k : kept_) all.push_back({k.first, k.last, k.states.data(), &k.key});
    return all;
  }

 private:
  struct Kept {
    Timestamp first;
    Timestamp last;
    std::vector<std::uint8_t> states;
    FlowKey key;
  };
  std::size_t states_size_;
  std::vector<Kept> kept_;
};

void write_records(benchmark::State& state, const std::vector<std::string>& names) {
  const auto found = Registry::built_in().chains(names);
  if (!found) return state.SkipWithError(found.error().message.c_str());
  const auto chains = ChainSet::make(*found);
  if (!chains) return state.SkipWithError(chains.error().message.c_str());
  KeepRecords sink(chains->blank_states().size());
  Observer observer(*chains, ObserverOptions{}, sink);
  observer.process(sample_frames());
  observer.finish();

  const std::vector<FlowRecord> records = sink.records();
  const FlowRecordJson json(*chains);
  std::vector<char> line(json.max_record_bytes());
  std::int64_t bytes = 0;
  for (auto _ : state) {
    for (const FlowRecord& record : records) bytes += json.write(record, line.data()) - line.data();
    benchmark::DoNotOptimize(line.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
  state.SetBytesProcessed(bytes);
}
BENCHMARK_CAPTURE(write_records, basic_tcp_ecn, {"basic", "tcp", "ecn"});
BENCHMARK_CAPTURE(write_records, header_chains,
                  {"basic", "tcp", "ecn", "dscp", "mss", "tfo", "tcpopt", "udp", "evil"});

}  // namespace
}  // namespace spiderling::bench
