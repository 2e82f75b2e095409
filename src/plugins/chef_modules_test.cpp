// Loading shared objects: tests/sniff/chef_module.py.
#include "plugins/chef_modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Plain : public Chef {};
class Base : public Chef {
 public:
  static constexpr bool assignable_to_kitchen = false;
};

ChefModule module_of(std::string name, std::vector<const ChefDescription*> chefs) {
  return {std::move(name), std::move(chefs), {}};
}
const ChefDescription& plain() { return describe_chef<Plain>("Plain"); }
const ChefDescription& base() { return describe_chef<Base>("Base"); }

std::vector<std::string> names_of(const std::vector<ChosenChef>& chosen) {
  std::vector<std::string> names;
  for (const auto& each : chosen) names.push_back(each.full_name());
  return names;
}

TEST(ChefModules, AllChefsThatMayBeTakenOn) {
  std::vector<std::string> left_out;
  const auto chosen = choose_chefs({module_of("m", {&base(), &plain()})}, {}, left_out);
  ASSERT_TRUE(chosen);
  EXPECT_THAT(names_of(*chosen), ElementsAre("m.Plain"));
  EXPECT_THAT(left_out, ElementsAre("m.Base"));
}

TEST(ChefModules, ByNameOrFullName) {
  std::vector<std::string> left_out;
  for (const char* name : {"Plain", "m.Plain"}) {
    const auto chosen = choose_chefs({module_of("m", {&base(), &plain()})}, {name}, left_out);
    ASSERT_TRUE(chosen) << name;
    EXPECT_THAT(names_of(*chosen), ElementsAre("m.Plain"));
  }
  EXPECT_THAT(left_out, IsEmpty());
}

TEST(ChefModules, WhatCannotBeIsAnError) {
  std::vector<std::string> left_out;
  const auto unknown = choose_chefs({module_of("m", {&plain()})}, {"Plane"}, left_out);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("there is no chef 'Plane'; did you mean 'Plain'"));
  const auto none = choose_chefs({module_of("m", {&base()})}, {}, left_out);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no chef that a kitchen may take on"));
  const ChefDescription twin = plain();
  const auto two = choose_chefs({module_of("m", {&plain()}), module_of("n", {&twin})}, {}, left_out);
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().message, HasSubstr("m.Plain and n.Plain"));
  const auto bad = choose_chefs({load_chef_module("./no_such.so")}, {}, left_out);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("chef module ./no_such.so: ./no_such.so: cannot be read"));
}

TEST(ChefModules, TheSameModuleTwiceIsOnce) {
  std::vector<std::string> left_out;
  const auto chosen = choose_chefs({module_of("m", {&plain()}), module_of("m", {&plain()})}, {}, left_out);
  ASSERT_TRUE(chosen);
  EXPECT_THAT(names_of(*chosen), ElementsAre("m.Plain"));
}

TEST(ChefDescription, KnowsWhichHandlersThereAre) {
  EXPECT_FALSE(plain().has_packet_handler);
  EXPECT_FALSE(plain().has_interval_handler);
  EXPECT_FALSE(base().assignable_to_kitchen);
  EXPECT_STREQ(detail::without_namespace("a::b::Name"), "Name");
  EXPECT_STREQ(detail::without_namespace("Name"), "Name");
}

}  // namespace
}  // namespace spiderling
