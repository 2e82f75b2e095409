#include "host/nft_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view users =
    "table inet firewall {\n\tchain in {\n\t\tdrop\n\t}\n}\ntable ip mangle {\n\tchain OUTPUT {\n\t}\n}\n";

TEST(NftTables, ThatAreTheSameAreNotNamed) {
  EXPECT_THAT(changed_nft_tables(users, users), IsEmpty());
  EXPECT_THAT(changed_nft_tables("", ""), IsEmpty());
  EXPECT_THAT(changed_nft_tables("no table\n\n", ""), IsEmpty());
}

TEST(NftTables, ThatCameWentOrAreOthersAre) {
  constexpr std::string_view after =
      "table ip mangle {\n\tchain OUTPUT {\n\t\tip dscp set cs1\n\t}\n}\ntable ip6 mangle {\n}\n"
      "table inet spiderling_1_2 {\n}\n";
  EXPECT_THAT(changed_nft_tables(users, after), ElementsAre("inet firewall", "ip mangle", "ip6 mangle"));
}

TEST(NftTables, WhatCountersHaveCountedIsNoDifference) {
  constexpr std::string_view before = "table ip a {\n\tcounter packets 5 bytes 300 accept\n}\n";
  EXPECT_THAT(changed_nft_tables(before, "table ip a {\n\tcounter packets 67 bytes 4000 accept\n}\n"),
              IsEmpty());
  EXPECT_THAT(changed_nft_tables(before, "table ip a {\n\tcounter packets 67 bytes 4000 drop\n}\n"),
              ElementsAre("ip a"));
}

TEST(NftTables, WhatIsCutOffIsADifference) {
  for (std::size_t size = 0; size < users.size(); ++size) {
    EXPECT_FALSE(changed_nft_tables(users, users.substr(0, size)).empty()) << size;
  }
}

}  // namespace
}  // namespace spiderling
