// PacketCountChef: how many packets had which layer, since the kitchen started.
#include <boost/json/object.hpp>

#include "layer_counter.h"
#include "spiderling/chef.h"

namespace {

using namespace spiderling;

class PacketCountChef : public Chef {
 public:
  Payload packet_handler(const Packet& packet) override {
    counter_.count(packet);
    return {};
  }

  Payload interval_handler(std::chrono::duration<double>) override {
    return {{"packet_counts", counter_.counts()}};
  }

 private:
  packetcount::LayerCounter counter_;
};

}  // namespace

SPIDERLING_CHEF(PacketCountChef)
