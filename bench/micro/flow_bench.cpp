// What finding a packet's flow costs, without chains and without output.
#include <benchmark/benchmark.h>

#include "flows/chain_set.h"
#include "flows/flow_key.h"
#include "flows/observer.h"
#include "micro/sample.h"
#include "wire/dissect.h"

namespace spiderling::bench {
namespace {

void flow_id(benchmark::State& state) {
  const HashSeed seed = HashSeed::random();
  std::vector<Packet> packets(sample_frames().size());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const spiderling::Frame& frame = sample_frames()[i];
    Dissector::dissect(packets[i], {frame.data, frame.captured}, frame.wire_length, frame.time_ns,
                       frame.link_type);
  }
  std::erase_if(packets, [](const Packet& packet) { return !packet.is_ip(); });
  for (auto _ : state) {
    for (const Packet& packet : packets) benchmark::DoNotOptimize(flow_id_of(packet, seed));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets.size()));
}
BENCHMARK(flow_id)->Unit(benchmark::kMillisecond);

class Discard : public FlowSink {
 public:
  void flow_ended(const FlowRecord& record) override { benchmark::DoNotOptimize(record.key); }
};

void observe_without_chains(benchmark::State& state) {
  const auto chains = ChainSet::make({});
  if (!chains) return state.SkipWithError("no chain set");
  Discard sink;
  for (auto _ : state) {
    Observer observer(*chains, ObserverOptions{}, sink);
    observer.process(sample_frames());
    observer.finish();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(sample_frames().size()));
}
BENCHMARK(observe_without_chains)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spiderling::bench
