// A TCP connection: handshake with the options of common stacks, data one way or both, FIN or RST at the end.
#include "trace/flow.h"

namespace spiderling::bench {
namespace {

constexpr std::uint8_t fin = 0x01;
constexpr std::uint8_t syn = 0x02;
constexpr std::uint8_t rst = 0x04;
constexpr std::uint8_t psh = 0x08;
constexpr std::uint8_t ack = 0x10;
constexpr std::uint8_t ece = 0x40;
constexpr std::uint8_t cwr = 0x80;
constexpr std::uint8_t ect0 = 2;
constexpr std::uint8_t ce = 3;
constexpr std::size_t checksum_at = 16;
constexpr std::size_t ethernet_minimum = 60;

enum class Stack : std::uint8_t { timestamps, no_timestamps, plain };
enum class Close : std::uint8_t { fins, reset, silent };
enum class Pattern : std::uint8_t { download, download_each_acked, upload, chat };

/// What was decided when the connection was opened: derived from the seed, so that it needs no memory.
struct Character {
  Stack stack = Stack::timestamps;
  Close close = Close::fins;
  Pattern pattern = Pattern::download;
  bool ecn = false;
  bool fast_open = false;
  std::uint16_t mss = 1460;
  std::uint32_t client_sequence = 0;
  std::uint32_t server_sequence = 0;
  std::uint32_t time_offset = 0;
};

Character character(const Flow& flow) {
  Random random(flow.seed ^ 0x7c9);
  Character c;
  const std::uint32_t stack = random.below(10);
  c.stack = stack < 6 ? Stack::timestamps : stack < 9 ? Stack::no_timestamps : Stack::plain;
  const std::uint32_t end = random.below(10);
  c.close = end < 7 ? Close::fins : end < 9 ? Close::reset : Close::silent;
  const std::uint32_t pattern = random.below(10);
  c.pattern = pattern < 4   ? Pattern::download
              : pattern < 7 ? Pattern::download_each_acked
              : pattern < 8 ? Pattern::upload
                            : Pattern::chat;
  c.ecn = random.chance(1, 8);
  c.fast_open = random.chance(1, 50);
  constexpr std::array<std::uint16_t, 4> sizes = {1460, 1460, 1400, 1360};
  c.mss = sizes[random.below(sizes.size())];
  c.client_sequence = static_cast<std::uint32_t>(random.next());
  c.server_sequence = static_cast<std::uint32_t>(random.next());
  c.time_offset = static_cast<std::uint32_t>(random.next());
  return c;
}

struct Segment {
  bool forward = true;
  std::uint8_t flags = 0;
  std::uint8_t ecn = 0;
  std::size_t data = 0;
};

std::size_t data_size(const Character& c, bool v6, Random& random) {
  const std::size_t timestamps = c.stack == Stack::timestamps ? 12 : 0;
  const std::size_t full = std::size_t{c.mss} - timestamps - (v6 ? 20 : 0);
  return random.chance(4, 5) ? full : random.between(1, static_cast<std::uint32_t>(full));
}

Segment data_segment(const Character& c, std::uint32_t number, bool v6, Random& random) {
  if (number == 0) return {true, psh | ack, 0, random.between(80, 700)};  // the request
  switch (c.pattern) {
    case Pattern::download:
      if (number % 3 == 0) return {true, ack, 0, 0};
      return {false, ack, 0, data_size(c, v6, random)};
    case Pattern::download_each_acked:
      if (number % 2 == 0) return {true, ack, 0, 0};
      return {false, ack, 0, data_size(c, v6, random)};
    case Pattern::upload:
      if (number % 3 == 0) return {false, ack, 0, 0};
      return {true, ack, 0, data_size(c, v6, random)};
    case Pattern::chat: break;
  }
  const bool only_ack = number % 4 >= 2;
  return {number % 2 == 0, static_cast<std::uint8_t>(only_ack ? ack : psh | ack), 0,
          only_ack ? 0 : random.between(1, 200)};
}

/// Which segment the flow's next packet is.
Segment choose(const Flow& flow, const Character& c, bool v6, Random& random) {
  const auto ecn_syn = static_cast<std::uint8_t>(c.ecn ? ece | cwr : 0);
  if (flow.sent == 0) return {true, static_cast<std::uint8_t>(syn | ecn_syn), 0, 0};
  if (flow.packets == 2) return {false, rst | ack, 0, 0};  // refused
  if (flow.sent == 1) return {false, static_cast<std::uint8_t>(syn | ack | (c.ecn ? ece : 0)), 0, 0};
  if (flow.sent == 2) return {true, ack, 0, 0};
  const std::uint32_t left = flow.packets - flow.sent;
  if (c.close == Close::fins && flow.packets >= 7 && left <= 3) {
    if (left == 3) return {true, fin | ack, 0, 0};
    if (left == 2) return {false, fin | ack, 0, 0};
    return {true, ack, 0, 0};
  }
  if (c.close == Close::reset && left == 1) return {(flow.seed & 1) != 0, rst | ack, 0, 0};
  Segment segment = data_segment(c, flow.sent - 3, v6, random);
  if (c.ecn && segment.data != 0) segment.ecn = random.chance(1, 100) ? ce : ect0;
  if (c.ecn && segment.data == 0 && random.chance(1, 100)) segment.flags |= ece;
  return segment;
}

void append_timestamps(Frame& frame, const Character& c, std::uint64_t time_us) {
  frame.append8(8);
  frame.append8(10);
  const auto now = c.time_offset + static_cast<std::uint32_t>(time_us / 1000);
  frame.append32(now);
  frame.append32(now - 17);
}

/// Returns the number of bytes appended, a multiple of four.
std::size_t append_syn_options(Frame& frame, const Character& c, bool forward, std::uint64_t time_us) {
  const std::size_t before = frame.size();
  frame.append16(0x0204);
  frame.append16(c.mss);
  if (c.stack == Stack::timestamps) {
    frame.append16(0x0402);  // SACK permitted
    append_timestamps(frame, c, time_us);
    frame.append32(0x01030307);  // NOP, window scale
  } else if (c.stack == Stack::no_timestamps) {
    frame.append32(0x01030308);
    frame.append32(0x01010402);
  }
  if (c.fast_open) {
    frame.append16(0x2200U | (forward ? 2U : 10U));  // cookie request or cookie
    if (!forward) frame.append32(c.time_offset);
    if (!forward) frame.append32(c.time_offset);
    frame.append16(0x0101);
  }
  return frame.size() - before;
}

std::size_t append_options(Frame& frame, const Character& c, const Segment& segment, std::uint64_t time_us,
                           Random& random) {
  if ((segment.flags & syn) != 0) return append_syn_options(frame, c, segment.forward, time_us);
  const std::size_t before = frame.size();
  if (c.stack == Stack::timestamps && (segment.flags & rst) == 0) {
    frame.append16(0x0101);
    append_timestamps(frame, c, time_us);
  }
  if (c.stack != Stack::plain && segment.data == 0 && segment.flags == ack && random.chance(1, 20)) {
    frame.append32(0x0101050a);  // one SACK block
    frame.append32(c.server_sequence);
    frame.append32(c.server_sequence + c.mss);
  }
  return frame.size() - before;
}

}  // namespace

void next_tcp(Frame& frame, Flow& flow, Random& random, std::uint64_t time_us) {
  const Parties who = parties(flow);
  const Character c = character(flow);
  const Segment segment = choose(flow, c, who.forward.v6, random);
  const bool forward = segment.forward;
  const std::uint32_t client = c.client_sequence + flow.client_bytes;
  const std::uint32_t server = c.server_sequence + flow.server_bytes;

  frame.begin(forward ? who.forward : reversed(who.forward), protocol_tcp, segment.ecn);
  frame.append16(forward ? who.client_port : who.server_port);
  frame.append16(forward ? who.server_port : who.client_port);
  frame.append32(forward ? client : server);
  const bool acknowledges = (segment.flags & ack) != 0;
  frame.append32(!acknowledges ? 0 : forward ? server : client);
  frame.append8(0);  // data offset, below
  frame.append8(segment.flags);
  frame.append16(static_cast<std::uint16_t>(random.between(500, 65535)));
  frame.append32(0);  // checksum, urgent pointer
  const std::size_t options = append_options(frame, c, segment, time_us, random);
  frame.at(frame.transport_offset() + 12) = static_cast<std::uint8_t>((20 + options) / 4 << 4);
  frame.append(payload(random, segment.data));
  frame.finish(checksum_at);
  if (!forward) frame.pad_to(ethernet_minimum);

  const bool takes_number = (segment.flags & (syn | fin)) != 0;
  const auto advance = static_cast<std::uint32_t>(segment.data + (takes_number ? 1 : 0));
  (forward ? flow.client_bytes : flow.server_bytes) += advance;
}

}  // namespace spiderling::bench
