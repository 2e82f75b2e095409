#include "hub/hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string kitchen_problem(std::string_view text) {
  const auto hello = parse_kitchen_hello(text);
  return hello ? std::string() : hello.error().message;
}
std::string eater_problem(std::string_view text) {
  const auto hello = parse_eater_hello(text);
  return hello ? std::string() : hello.error().message;
}

TEST(KitchenHello, WhatNetdumplingsSends) {
  const auto hello = parse_kitchen_hello(
      R"({"kitchen_name": "default_kitchen", "interface": "all", "filter": "tcp or udp or arp",
          "chefs": ["netdumplings.dumplingchefs.ARPChef"], "poke_interval": 5.0})");
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->name, "default_kitchen");
  EXPECT_EQ(hello->json,
            R"({"kitchen_name":"default_kitchen","interface":"all","filter":"tcp or udp or arp",)"
            R"("chefs":["netdumplings.dumplingchefs.ARPChef"],"poke_interval":5.0})");
}

TEST(KitchenHello, NameMayBeNull) { EXPECT_EQ(kitchen_problem(R"({"kitchen_name": null})"), ""); }

TEST(KitchenHello, Wrong) {
  EXPECT_EQ(kitchen_problem(""), "the hello is not JSON");
  EXPECT_EQ(kitchen_problem("hello"), "the hello is not JSON");
  EXPECT_EQ(kitchen_problem("{\"kitchen_name\": \"\xff\"}"), "the hello is not JSON");
  EXPECT_EQ(kitchen_problem("[]"), "the hello is not a JSON object");
  EXPECT_EQ(kitchen_problem("7"), "the hello is not a JSON object");
  EXPECT_EQ(kitchen_problem("{}"), "the hello has no kitchen_name");
  EXPECT_EQ(kitchen_problem(R"({"kitchen_name": 7})"), "kitchen_name is neither a string nor null");
  EXPECT_EQ(kitchen_problem(R"({"eater_name": "me"})"), "the hello has no kitchen_name");
  EXPECT_THAT(kitchen_problem(fmt::format(R"({{"kitchen_name": "{}"}})", std::string(20'000, 'x'))),
              HasSubstr("longer than"));
  EXPECT_EQ(kitchen_problem(fmt::format(R"({{"kitchen_name":"k","x":{}{}}})", std::string(100, '['),
                                        std::string(100, ']'))),
            "the hello is nested too deeply");
}

TEST(EaterHello, NameAlone) {
  const auto hello = parse_eater_hello(R"({"eater_name": "printereater"})");
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->name, "printereater");
  EXPECT_TRUE(hello->wanted.everything());
}

TEST(EaterHello, Choice) {
  const auto hello = parse_eater_hello(
      R"({"eater_name": "e", "chefs": ["B", "A", "A"], "kitchens": ["k"], "drivers": ["interval"]})");
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_THAT(*hello->wanted.chefs, ElementsAre("A", "B"));
  EXPECT_THAT(*hello->wanted.kitchens, ElementsAre("k"));
  EXPECT_FALSE(hello->wanted.packet);
  EXPECT_TRUE(hello->wanted.interval);
  EXPECT_FALSE(hello->wanted.everything());
}

TEST(EaterHello, NullChoosesNothing) {
  const auto hello = parse_eater_hello(R"({"eater_name": "e", "chefs": null, "drivers": null})");
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_TRUE(hello->wanted.everything());
}

TEST(EaterHello, Wrong) {
  EXPECT_EQ(eater_problem("{}"), "the hello has no eater_name");
  EXPECT_EQ(eater_problem(R"({"eater_name": null})"), "eater_name is not a string");
  EXPECT_EQ(eater_problem(R"({"eater_name": "e", "chefs": "A"})"),
            "chefs in the hello is not a list of strings");
  EXPECT_EQ(eater_problem(R"({"eater_name": "e", "kitchens": [1]})"),
            "kitchens in the hello is not a list of strings");
  EXPECT_EQ(eater_problem(R"({"eater_name": "e", "drivers": ["car"]})"),
            "drivers in the hello: packet or interval");
}

}  // namespace
}  // namespace spiderling
