// A program with three chains of its own, registered as any plugin is.
#include "plugins/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct NoState {
  struct State {};
  static void fields(FieldList&, const State&) {}
};
struct Zebra : NoState {
  static constexpr const char* name = "zebra";
  static constexpr const char* description = "Last by name";
};
struct Aardvark : NoState {
  static constexpr const char* name = "aardvark";
  static constexpr const char* description = "First by name";
};
struct Mule : NoState {
  static constexpr const char* name = "mule";
  static constexpr const char* description = "Between them";
  static void tcp(State&, const TcpHeader&, const FlowPacket&) {}
};

std::vector<std::string> names_of(const std::vector<const ChainDescription*>& chains) {
  std::vector<std::string> names;
  for (const auto* chain : chains) names.emplace_back(chain->name);
  return names;
}

TEST(Registry, HasWhatWasLinkedInSortedByName) {
  EXPECT_THAT(names_of(Registry::built_in().chains()), ElementsAre("aardvark", "mule", "zebra"));
}

TEST(Registry, FindsAChainByItsName) {
  const auto mule = Registry::built_in().chain("mule");
  ASSERT_TRUE(mule.has_value());
  EXPECT_STREQ((*mule)->description, "Between them");
  EXPECT_NE((*mule)->tcp, nullptr);
  EXPECT_EQ((*mule)->udp, nullptr);
}

TEST(Registry, GivesChainsInTheOrderOfTheNames) {
  const auto chains = Registry::built_in().chains({"zebra", "aardvark"});
  ASSERT_TRUE(chains.has_value());
  EXPECT_THAT(names_of(*chains), ElementsAre("zebra", "aardvark"));
}

TEST(Registry, NamesTheNearestForAMisspeltChain) {
  const auto none = Registry::built_in().chain("zebar");
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().message, HasSubstr("'zebar'"));
  EXPECT_THAT(none.error().message, HasSubstr("'zebra'"));
  EXPECT_THAT(none.error().message, HasSubstr("--list-chains"));
  EXPECT_FALSE(Registry::built_in().chain("").has_value());
  EXPECT_FALSE(Registry::built_in().chain("ZEBRA").has_value());
}

TEST(Registry, OneUnknownNameIsAnErrorForAll) {
  const auto chains = Registry::built_in().chains({"zebra", "unicorn"});
  ASSERT_FALSE(chains.has_value());
  EXPECT_THAT(chains.error().message, HasSubstr("unicorn"));
}

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Zebra)
SPIDERLING_CHAIN(spiderling::Aardvark)
SPIDERLING_CHAIN(spiderling::Mule)
