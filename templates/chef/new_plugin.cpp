// The chef NewPlugin: tells of each DNS lookup as it happens, and every few seconds how many there were.
#include <spiderling/chef.h>

#include <utility>

using namespace spiderling;

namespace {

class NewPlugin : public Chef {
 public:
  static constexpr const char* version = "0.1.0";

  // It is given nothing else. Whether a packet holds a whole message, dns() says.
  static constexpr Layers wants = Layers::dns;

  // For each packet. What is returned is the payload of a dumpling; `{}`: there is none.
  Payload packet_handler(const Packet& packet) override {
    const auto dns = packet.dns();
    if (!dns || dns->is_response() || dns->questions().empty()) return {};
    ++lookups_;
    return {{"lookup", {{"hostname", dns->questions().front().name()}, {"when", packet.time_seconds()}}}};
  }

  // At regular times (nd-sniff --poke-interval), whether packets come or not.
  Payload interval_handler(std::chrono::duration<double> interval) override {
    return {{"lookups", std::exchange(lookups_, 0u)}, {"seconds", interval.count()}};
  }

 private:
  unsigned lookups_ = 0;  // since the last poke
};

}  // namespace

SPIDERLING_CHEF(NewPlugin)
