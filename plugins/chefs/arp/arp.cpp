// ARPChef: who asks for whom on the local network, who answers, and whose answer is a new one.
#include "address_book.h"
#include "spiderling/chef.h"

namespace {

using namespace spiderling;

class ARPChef : public Chef {
 public:
  static constexpr Layers wants = Layers::arp;

  Payload packet_handler(const Packet& packet) override {
    const auto message = packet.arp();
    if (!message) return {};  // cut, or not of IPv4 over Ethernet
    return {
        {"operation", operation(message->operation())},
        {"src_hw", message->sender_hardware().to_string()},
        {"src_ip", message->sender_address().to_string()},
        {"dst_hw", message->target_hardware().to_string()},
        {"dst_ip", message->target_address().to_string()},
        {"time", packet.time_seconds()},
        {"notes", message->operation() == reply ? notes(*message) : Payload()},
    };
  }

  std::uint64_t forgotten() const override { return known_.forgotten(); }

 private:
  static constexpr std::uint16_t request = 1;
  static constexpr std::uint16_t reply = 2;

  static Payload operation(std::uint16_t number) {
    if (number == request) return "request";
    if (number == reply) return "reply";
    return number;
  }

  Payload notes(const ArpHeader& arp) {
    const auto before = known_.note(arp.sender_address(), arp.sender_hardware());
    if (!before) return "source device is new";
    if (*before != arp.sender_hardware()) return "source device has new IP address";
    return {};
  }

  arp::AddressBook known_;
};

}  // namespace

SPIDERLING_CHEF(ARPChef)
