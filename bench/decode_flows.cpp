// Our decoder and flow table alone: every packet is read, dissected and counted in its flow; no chain, no
// output.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "capture/source.h"
#include "flows/chain_set.h"
#include "flows/observer.h"

namespace {

class CountRecords : public spiderling::FlowSink {
 public:
  void flow_ended(const spiderling::FlowRecord&) override { ++records_; }
  std::uint64_t records() const { return records_; }

 private:
  std::uint64_t records_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace spiderling;
  if (argc != 2) {
    std::fprintf(stderr, "usage: decode_flows FILE\n");
    return 2;
  }
  auto source = Source::open(argv[1], SourceOptions{});
  const auto chains = ChainSet::make({});
  if (!source || !chains) {
    std::fprintf(stderr, "decode_flows: %s\n", (source ? chains.error() : source.error()).message.c_str());
    return 2;
  }
  CountRecords records;
  Observer observer(*chains, ObserverOptions{}, records);
  FrameStream& stream = (*source)->stream(0);
  std::array<Frame, 4 * Observer::max_batch> room;
  for (;;) {
    const auto batch = stream.next(room, std::chrono::milliseconds(100));
    if (batch.state == StreamState::ended) break;
    observer.process(std::span(room).first(batch.count));
  }
  observer.finish();
  std::printf("%llu packets, %llu flows\n", static_cast<unsigned long long>(observer.counters().packets),
              static_cast<unsigned long long>(records.records()));
  return 0;
}
