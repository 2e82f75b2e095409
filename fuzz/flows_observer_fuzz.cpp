// A sequence of frames through the observer with every chain, down to JSON: nothing crashes or hangs, every
// frame is accounted for, no record is longer than promised, and two shards give what one gives.
//
// Input: a byte of options, then frames, each of
//     link type (1 byte) | step of the clock (1) | bytes that the snap length cut (1) | length (2, low byte
//     first) | bytes
// The last frame may be cut short by the end of the input.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "dumplings/flow_record_json.h"
#include "flows/observer.h"
#include "plugins/registry.h"

namespace {

using namespace spiderling;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

constexpr LinkType link_types[] = {
    LinkType::raw_ip,  LinkType::ethernet,    LinkType::linux_cooked, LinkType::linux_cooked_v2,
    LinkType::null,    LinkType::loop,        LinkType::ppp,          LinkType::ppp_hdlc,
    LinkType::raw_bsd, LinkType::raw_openbsd, LinkType::ipv4,         LinkType::ipv6};

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t steps[] = {
    0,          1,          1'000'000,    second / 10,         second,
    5 * second, 6 * second, 30 * second,  36 * second,         61 * second,
    -1,         -second,    -40 * second, 31'557'600 * second, -31'557'600 * second};
constexpr std::int64_t times[] = {0, -1, std::numeric_limits<std::int64_t>::max(),
                                  std::numeric_limits<std::int64_t>::min(), 1'600'000'000 * second};

std::int64_t after(std::int64_t now, std::uint8_t code) {
  if (code >= 0xf0) return times[code % std::size(times)];
  std::int64_t then = 0;
  return __builtin_add_overflow(now, steps[code % std::size(steps)], &then) ? now : then;
}

std::vector<Frame> frames_of(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t header = 5;
  std::vector<Frame> frames;
  std::int64_t now = 1'600'000'000 * second;
  while (size > header) {
    now = after(now, data[1]);
    const std::size_t length = std::min<std::size_t>(data[3] + data[4] * 256u, size - header);
    const auto captured = static_cast<std::uint32_t>(length);
    frames.push_back(
        {data + header, now, captured, captured + data[2], link_types[data[0] % std::size(link_types)]});
    data += header + length;
    size -= header + length;
  }
  return frames;
}

const ChainSet& every_chain() {
  static const ChainSet chains = *ChainSet::make(Registry::built_in().chains());
  return chains;
}

class Lines : public FlowSink {
 public:
  void flow_ended(const FlowRecord& record) override {
    std::string line;
    json_.append(record, line);
    require(line.size() <= json_.max_record_bytes(), "a record is no longer than max_record_bytes");
    require(line.starts_with('{') && line.ends_with("}\n"), "a record is one object and a new line");
    require(std::ranges::all_of(line, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }),
            "a record is plain text");
    lines.push_back(std::move(line));
    for (const std::uint32_t offset : packet_counts_) {
      std::uint64_t count = 0;
      std::memcpy(&count, record.states + offset, sizeof count);
      packets += count;
    }
  }
  std::vector<std::string> lines;
  std::uint64_t packets = 0;  // in all records, as the basic chain counts them

 private:
  static std::vector<std::uint32_t> packet_counts() {
    std::vector<std::uint32_t> offsets;
    for (const auto& placed : every_chain().chains()) {
      for (const Field& field : placed.chain->fields) {
        const std::string_view name = field.name;
        if (name == "pkt_fwd" || name == "pkt_rev") offsets.push_back(placed.state_offset + field.offset);
      }
    }
    require(offsets.size() == 2, "the basic chain counts packets");
    return offsets;
  }
  const FlowRecordJson json_{every_chain()};
  const std::vector<std::uint32_t> packet_counts_ = packet_counts();
};

std::vector<std::string> observe(const std::vector<Frame>& frames, std::size_t shards, std::size_t max_flows,
                                 std::size_t batch) {
  static const HashSeed seed{
      {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93}};
  Lines sink;
  ObserverCounters sum;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    Observer observer(every_chain(), {.max_flows = max_flows, .shard = shard, .shards = shards, .seed = seed},
                      sink);
    for (std::size_t at = 0; at < frames.size(); at += batch) {
      observer.process(std::span(frames).subspan(at, std::min(batch, frames.size() - at)));
      require(observer.live_flows() <= max_flows, "no more flows than max_flows");
      require(observer.counters().records <= observer.counters().flows, "no more records than flows");
    }
    observer.finish();
    require(observer.live_flows() == 0, "at the end all flows are emitted");
    sum += observer.counters();
  }
  require(sum.packets == frames.size(), "every frame is counted once");
  require(sum.records == sum.flows && sum.records == sink.lines.size(), "every flow gives one record");
  require(sum.ignored == 0 && sum.ignored_packets == 0, "no chain of ours vetoes");
  require(sink.packets + sum.short_packets + sum.non_ip == sum.packets,
          "every packet is in a record or counted out");
  std::ranges::sort(sink.lines);
  return std::move(sink.lines);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<Frame> frames = frames_of(data + 1, size - 1);
  const std::size_t batch = 1 + data[0] % 16;
  const std::size_t few_flows = 1 + (data[0] >> 4);
  observe(frames, 1, few_flows, batch);
  const std::vector<std::string> one = observe(frames, 1, 1'000'000, batch);
  // What one shard has no room to hold, two might have.
  if (frames.size() > FragmentTracker::max_held_packets) return 0;
  require(observe(frames, 2, 1'000'000, batch) == one, "two shards give the records of one");
  return 0;
}
