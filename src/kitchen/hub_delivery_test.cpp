// Delivery without a hub; with one: tests/sniff.
#include "kitchen/hub_delivery.h"

#include <gtest/gtest.h>

#include "kitchen/hello.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

// Port 1 of the loopback: nothing listens there.
HubDeliveryOptions nobody(std::size_t buffer) {
  HubDeliveryOptions options;
  options.client.endpoint = {.host = "127.0.0.1", .port = 1, .tls = false};
  options.client.queue.messages = buffer;
  return options;
}

TEST(HubDelivery, WithoutAHubTheBufferFillsAndTheRestIsCounted) {
  HubDelivery hub(nobody(3));
  EXPECT_TRUE(hub.put("{}\n{}\n{}\n{}\n{}\n", 5));
  hub.finish(10ms);
  const auto counters = hub.counters();
  EXPECT_EQ(counters.put, 5u);
  EXPECT_EQ(counters.dropped, 2u);
  EXPECT_EQ(counters.undelivered, 3u);
  EXPECT_EQ(counters.delivered, 0u);
  EXPECT_FALSE(counters.ever_connected);
}

TEST(HubDelivery, ATraceWaitsForRoomUntilItIsTold) {
  auto options = nobody(1);
  int asked = 0;
  options.wait_for_room = [&] { return ++asked < 5; };
  HubDelivery hub(std::move(options));
  hub.put("{}\n{}\n", 2);
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(hub.counters().dropped, 1u);
}

TEST(KitchenHello, IsTheOriginals) {
  const KitchenHello hello{"k\"", "all", "tcp or udp or arp", {"m.A", "m.B"}, 5};
  EXPECT_EQ(hello.json(),
            R"({"kitchen_name":"k\"","interface":"all","filter":"tcp or udp or arp","chefs":["m.A","m.B"],)"
            R"("poke_interval":5.0})");
}

}  // namespace
}  // namespace spiderling
