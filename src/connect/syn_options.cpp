#include "connect/syn_options.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "spiderling/packet.h"
#include "wire/checksum.h"
#include "wire/dissect.h"

namespace spiderling {
namespace {

constexpr std::size_t tcp_header = 20;
constexpr std::size_t longest_options = 40;
constexpr std::uint8_t no_operation = 1;

// Options in the order in which they are put down.
class OptionArea {
 public:
  void put(std::initializer_list<std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) put(byte);
  }
  void put(std::uint8_t byte) {
    if (size_ < longest_options) bytes_[size_++] = byte;
  }
  void put(const TcpOption& option) {
    put({option.kind, option.length});
    for (const std::uint8_t byte : option.data) put(byte);
  }
  void align() {
    while (size_ % 4 != 0) put(no_operation);
  }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::uint8_t, longest_options> bytes_{};
  std::size_t size_ = 0;
};

std::uint8_t number(TcpOptionKind kind) { return static_cast<std::uint8_t>(kind); }

bool is_switchable(const TcpOption& option) {
  return option.is(TcpOptionKind::timestamps) || option.is(TcpOptionKind::window_scale) ||
         option.is(TcpOptionKind::sack_permitted);
}

// Linux: the segment size, timestamps with SACK in the room of their padding, window scale, the others.
OptionArea laid_out(const TcpHeader& tcp, const SynOptions& kept) {
  const TcpOptions options = tcp.options();
  const auto timestamps = options.find(TcpOptionKind::timestamps);
  const auto window_scale = options.find(TcpOptionKind::window_scale);
  const bool sack = kept.sack_permitted && options.find(TcpOptionKind::sack_permitted).has_value();
  const bool times = kept.timestamps && timestamps.has_value();
  OptionArea area;
  if (const auto mss = options.find(TcpOptionKind::maximum_segment_size)) area.put(*mss);
  if (sack && times)
    area.put({number(TcpOptionKind::sack_permitted), 2});
  else if (sack)
    area.put({no_operation, no_operation, number(TcpOptionKind::sack_permitted), 2});
  else if (times)
    area.put({no_operation, no_operation});
  if (times) area.put(*timestamps);
  if (kept.window_scale && window_scale) {
    area.put(no_operation);
    area.put(*window_scale);
  }
  for (const TcpOption& option : options) {
    if (!is_switchable(option) && !option.is(TcpOptionKind::maximum_segment_size)) area.put(option);
  }
  area.align();
  return area;
}

bool has_more_than(const TcpHeader& tcp, const SynOptions& kept) {
  for (const TcpOption& option : tcp.options()) {
    if (option.is(TcpOptionKind::timestamps) && !kept.timestamps) return true;
    if (option.is(TcpOptionKind::window_scale) && !kept.window_scale) return true;
    if (option.is(TcpOptionKind::sack_permitted) && !kept.sack_permitted) return true;
  }
  return false;
}

void shorten16(std::uint8_t* field, std::size_t less) {
  store_be16(field, static_cast<std::uint16_t>(load_be16(field) - less));
}

void shorten_ip(std::span<std::uint8_t> packet, std::size_t less) {
  const bool v4 = packet[0] >> 4 == 4;
  shorten16(packet.data() + (v4 ? 2 : 4), less);
  if (!v4) return;
  const std::size_t header = static_cast<std::size_t>(packet[0] & 0x0f) * 4;
  store_be16(packet.data() + 10, 0);
  store_be16(packet.data() + 10, internet_checksum(packet.first(header)));
}

}  // namespace

std::optional<std::size_t> keep_syn_options(std::span<std::uint8_t> bytes, const SynOptions& kept) {
  Packet packet;
  Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
  const auto tcp = packet.tcp();
  if (!tcp || !tcp->has(tcp_flag::syn) || tcp->has(tcp_flag::ack)) return std::nullopt;
  const std::size_t before = tcp->header_length();
  const auto start = static_cast<std::size_t>(packet.transport().bytes.data() - bytes.data());
  if (start + before > bytes.size()) return std::nullopt;
  if (!has_more_than(*tcp, kept)) return bytes.size();
  const OptionArea area = laid_out(*tcp, kept);
  const std::size_t now = tcp_header + area.bytes().size();
  if (now > before) return std::nullopt;

  std::uint8_t* const segment = bytes.data() + start;
  std::memcpy(segment + tcp_header, area.bytes().data(), area.bytes().size());
  std::memmove(segment + now, segment + before, bytes.size() - start - before);
  segment[12] = static_cast<std::uint8_t>((now / 4) << 4 | (segment[12] & 0x0f));
  const std::span<std::uint8_t> shorter = bytes.first(bytes.size() - (before - now));
  shorten_ip(shorter, before - now);
  store_be16(segment + 16, 0);
  store_be16(segment + 16,
             transport_checksum(packet.source(), packet.destination(), 6, shorter.subspan(start)));
  return shorter.size();
}

}  // namespace spiderling
