// What one packet costs before any flow is looked up.
#include <benchmark/benchmark.h>

#include "micro/sample.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling::bench {
namespace {

void count_packets(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(sample_frames().size()));
}

void dissect(benchmark::State& state) {
  for (auto _ : state) {
    for (const spiderling::Frame& frame : sample_frames()) {
      Packet packet;
      Dissector::dissect(packet, {frame.data, frame.captured}, frame.wire_length, frame.time_ns,
                         frame.link_type);
      benchmark::DoNotOptimize(packet);
    }
  }
  count_packets(state);
}
BENCHMARK(dissect)->Unit(benchmark::kMillisecond);

void dissect_and_verify_checksums(benchmark::State& state) {
  for (auto _ : state) {
    for (const spiderling::Frame& frame : sample_frames()) {
      Packet packet;
      Dissector::dissect(packet, {frame.data, frame.captured}, frame.wire_length, frame.time_ns,
                         frame.link_type);
      benchmark::DoNotOptimize(verify_network_checksum(packet));
      benchmark::DoNotOptimize(verify_transport_checksum(packet));
    }
  }
  count_packets(state);
}
BENCHMARK(dissect_and_verify_checksums)->Unit(benchmark::kMillisecond);

void checksum(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(internet_checksum(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(20)->Arg(1460)->Arg(65535);

void checksum_crc32c(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum_crc32c)->Arg(1460);

}  // namespace
}  // namespace spiderling::bench
