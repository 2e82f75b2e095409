#include "dumplings/kitchen_status.h"

#include <gtest/gtest.h>

#include "dumplings/test_json.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

KitchenStatus example() {
  return {12.5,
          10,
          1,
          4,
          {{"ARP\"Chef", true, {{"packet_handler", {10, 3, 1, 1200ns, 1500ms}}, {"interval_handler", {}}}},
           {"Other", false, {}, QueueFigures{7, 8, 9}}}};
}

TEST(KitchenStatus, IsReadAsItWasWritten) {
  const std::string json = example().json();
  ASSERT_TRUE(testing::Json::parse(json)) << json;
  const auto read = KitchenStatus::read(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->json(), json);
  EXPECT_EQ(read->uptime, 12.5);
  ASSERT_EQ(read->chefs.size(), 2u);
  EXPECT_EQ(read->chefs[0].chef, "ARP\"Chef");
  EXPECT_TRUE(read->chefs[0].set_aside);
  EXPECT_FALSE(read->chefs[0].queue);
  ASSERT_TRUE(read->chefs[1].queue);
  EXPECT_EQ(read->chefs[1].queue->waiting, 7u);
  EXPECT_EQ(read->chefs[1].queue->dropped, 8u);
  EXPECT_EQ(read->chefs[1].queue->skipped_pokes, 9u);
  const HandlerFigures& f = read->chefs[0].handlers.at(0).figures;
  EXPECT_EQ(f.calls, 10u);
  EXPECT_EQ(f.failures, 3u);
  EXPECT_EQ(f.blocked, 1u);
  EXPECT_EQ(f.busy, 1200ns);
  EXPECT_EQ(f.longest, 1500ms);
}

std::string with(std::string_view was, std::string_view becomes) {
  std::string json = example().json();
  const std::size_t at = json.find(was);
  EXPECT_NE(at, std::string::npos) << was;
  return json.replace(at, was.size(), becomes);
}

TEST(KitchenStatus, WhatIsNoneIsRefused) {
  for (const std::string& json :
       {std::string("null"),
        std::string("[]"),
        std::string("{}"),
        std::string("{"),
        with(R"("uptime":12.500)", R"("uptime":-1)"),
        with(R"("uptime":12.500)", R"("uptime":1e300)"),
        with(R"("uptime":12.500)", R"("uptime":"x")"),
        with(R"("calls":10)", R"("calls":-10)"),
        with(R"("calls":10)", R"("calls":1e3)"),
        with(R"("calls":10)", R"("calls":99999999999999999999)"),
        with(R"("chef":"Other")", R"("chef":"")"),
        with(R"("chef":"Other")", R"("chef":7)"),
        with(R"("chef":"Other")", R"("chef":"ARP\"Chef")"),
        with(R"("chef":"Other")", R"("chef":")" + std::string(129, 'x') + '"'),
        with("interval_handler", "packet_handler"),
        with(R"("set_aside":true)", R"("set_aside":1)"),
        with(R"(,"handlers":[])", ""),
        with(R"("dropped":8)", R"("dropped":-8)"),
        with(R"("dropped":8,)", ""),
        with(R"({"waiting":7,"dropped":8,"skipped_pokes":9})", "7"),
        with("0.000001200", "-0.1"),
        with("0.000001200", "1e999"),
        with(R"("handlers":[])", R"("handlers":)" + std::string(100, '[') + std::string(100, ']'))}) {
    EXPECT_FALSE(KitchenStatus::read(json)) << json;
  }
}

TEST(KitchenStatus, MoreChefsThanAHubKeepsAreRefused) {
  KitchenStatus status;
  for (std::size_t i = 0; i < KitchenStatus::most_chefs; ++i)
    status.chefs.push_back({fmt::format("c{}", i), false, {}});
  EXPECT_TRUE(KitchenStatus::read(status.json()));
  status.chefs.push_back({"one_more", false, {}});
  EXPECT_FALSE(KitchenStatus::read(status.json()));
  status.chefs.resize(1);
  for (std::size_t i = 0; i <= KitchenStatus::most_handlers; ++i)
    status.chefs[0].handlers.push_back({fmt::format("h{}", i), {}});
  EXPECT_FALSE(KitchenStatus::read(status.json()));
  status.chefs[0].handlers.resize(1);
  status.chefs[0].handlers[0].handler.assign(300 << 10, 'x');
  EXPECT_FALSE(KitchenStatus::read(status.json()));
}

}  // namespace
}  // namespace spiderling
