// Two chefs of one's own.
//
//   c++ -std=c++20 -O2 -shared -fPIC -I include examples/my_chefs.cpp -o libmy_chefs.so
//   nd-sniff -i examples/first.pcap --output - --chef-module ./libmy_chefs.so
#include <spiderling/chef.h>
using namespace spiderling;

// Each DNS lookup, as it happens.
class DnsLookups : public Chef {
 public:
  Payload packet_handler(const Packet& packet) override {
    const auto dns = packet.dns();
    if (!dns || dns->questions().empty()) return {};
    return {{"lookup", {{"hostname", dns->questions().front().name()}, {"when", packet.time_seconds()}}}};
  }
};
SPIDERLING_CHEF(DnsLookups)

// How many connections were asked for since the last poke. It gets nothing but TCP.
class Connections : public Chef {
 public:
  static constexpr Layers wants = Layers::tcp;

  Payload packet_handler(const Packet& packet) override {
    const auto tcp = packet.tcp();
    if (tcp && tcp->has(tcp_flag::syn) && !tcp->has(tcp_flag::ack)) ++asked_for_;
    return {};
  }
  Payload interval_handler(std::chrono::duration<double> interval) override {
    return {{"connections", std::exchange(asked_for_, 0u)}, {"seconds", interval.count()}};
  }

 private:
  unsigned asked_for_ = 0;
};
SPIDERLING_CHEF(Connections)
