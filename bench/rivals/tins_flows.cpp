// What a careful user of libtins writes to count packets and octets per flow and direction: sniff_loop,
// find_pdu, a fast hash map. No output but a sum, which favours it: ours writes a record a flow.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>

#include <tins/tins.h>
#include <boost/unordered/unordered_flat_map.hpp>

namespace {

/// Both directions of a flow have the same key: the lower end first.
struct Key {
  std::array<std::uint8_t, 16> low_address{};
  std::array<std::uint8_t, 16> high_address{};
  std::uint16_t low_port = 0;
  std::uint16_t high_port = 0;
  std::uint8_t protocol = 0;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  using is_avalanching = void;
  std::size_t operator()(const Key& key) const {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), key.low_address.data(), 16);
    std::memcpy(words.data() + 2, key.high_address.data(), 16);
    std::uint64_t hash =
        key.protocol | std::uint64_t{key.low_port} << 16 | std::uint64_t{key.high_port} << 32;
    for (const std::uint64_t word : words) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 32;
    }
    return hash;
  }
};

struct Counters {
  std::array<std::uint64_t, 2> packets{};  // forward: the direction of the first packet; reverse
  std::array<std::uint64_t, 2> octets{};
  bool first_from_low = false;
};

class FlowCounter {
 public:
  bool operator()(Tins::PDU& pdu) {
    ++packets_;
    if (const auto* ip = pdu.find_pdu<Tins::IP>()) {
      Ends ends;
      const std::uint32_t source = ip->src_addr();
      const std::uint32_t destination = ip->dst_addr();
      std::memcpy(ends.source.data(), &source, sizeof source);
      std::memcpy(ends.destination.data(), &destination, sizeof destination);
      add(pdu, ends, ip->protocol(), ip->tot_len());
    } else if (const auto* ip6 = pdu.find_pdu<Tins::IPv6>()) {
      Ends ends;
      const Tins::IPv6Address source = ip6->src_addr();
      const Tins::IPv6Address destination = ip6->dst_addr();
      std::copy(source.begin(), source.end(), ends.source.begin());
      std::copy(destination.begin(), destination.end(), ends.destination.begin());
      add(pdu, ends, ip6->next_header(), std::uint32_t{40} + ip6->payload_length());
    }
    return true;
  }

  void print() const {
    std::uint64_t octets = 0;
    for (const auto& [key, counters] : flows_) octets += counters.octets[0] + counters.octets[1];
    std::printf("%llu packets, %zu flows, %llu octets\n", static_cast<unsigned long long>(packets_),
                flows_.size(), static_cast<unsigned long long>(octets));
  }

 private:
  struct Ends {
    std::array<std::uint8_t, 16> source{};
    std::array<std::uint8_t, 16> destination{};
  };

  void add(const Tins::PDU& pdu, const Ends& ends, std::uint8_t protocol, std::uint32_t octets) {
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    if (const auto* tcp = pdu.find_pdu<Tins::TCP>()) {
      source_port = tcp->sport();
      destination_port = tcp->dport();
    } else if (const auto* udp = pdu.find_pdu<Tins::UDP>()) {
      source_port = udp->sport();
      destination_port = udp->dport();
    }
    const int order = std::memcmp(ends.source.data(), ends.destination.data(), 16);
    const bool from_low = order < 0 || (order == 0 && source_port <= destination_port);
    const Key key = from_low ? Key{ends.source, ends.destination, source_port, destination_port, protocol}
                             : Key{ends.destination, ends.source, destination_port, source_port, protocol};
    const auto [flow, is_new] = flows_.try_emplace(key);
    if (is_new) flow->second.first_from_low = from_low;
    const std::size_t direction = from_low == flow->second.first_from_low ? 0 : 1;
    ++flow->second.packets[direction];
    flow->second.octets[direction] += octets;
  }

  boost::unordered_flat_map<Key, Counters, KeyHash> flows_;
  std::uint64_t packets_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tins_flows FILE.pcap\n");
    return 2;
  }
  try {
    Tins::FileSniffer sniffer(argv[1]);
    FlowCounter counter;
    sniffer.sniff_loop([&](Tins::PDU& pdu) { return counter(pdu); });
    counter.print();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "tins_flows: %s\n", failure.what());
    return 2;
  }
  return 0;
}
