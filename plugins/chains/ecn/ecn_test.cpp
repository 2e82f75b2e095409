#include <gtest/gtest.h>

#include <algorithm>

#include "spiderling/testing.h"

namespace spiderling::testing {
namespace {

using Names = std::vector<std::string>;

const std::string_view ends_of[] = {"let C = 192.0.2.10:40000\nlet S = 198.51.100.20:80",
                                    "let C = [2001:db8:a::10]:40000\nlet S = [2001:db8:b::20]:80"};

Packets packets(std::string_view ends, const std::vector<std::string>& lines) {
  Packets all{ends};
  for (const std::string& line : lines) all.add(line);
  return all;
}

// True are those that are named, false all others.
void expect_only(const Packets& packets, const Names& names) {
  const Record record = run_chain("ecn", packets);
  ASSERT_EQ(record.fields().size(), 14u) << "twelve, and the times";
  for (const std::string& field : record.fields()) {
    if (field.starts_with("pkt_")) continue;
    EXPECT_EQ(record[field], std::ranges::find(names, field) != names.end()) << field;
  }
}

TEST(EcnChain, TellsMarksBySynAndDirection) {
  for (const std::string_view ends : ends_of) {
    for (const std::string mark : {"ect0", "ect1", "ce"}) {
      const auto expect = [&](const std::string& second, const std::string& kind) {
        expect_only(packets(ends, {"C > S tcp", second + " ecn=" + mark}), {"ecn_" + mark + "_" + kind});
      };
      expect("C > S tcp S", "syn_fwd");
      expect("C > S tcp A", "data_fwd");
      expect("S > C tcp SA", "syn_rev");
      expect("S > C tcp A", "data_rev");
      expect_only(packets(ends, {"C > S udp len=10 ecn=" + mark}), {"ecn_" + mark + "_data_fwd"});
    }
  }
}

TEST(EcnChain, WithoutAMarkAllIsFalse) { expect_only(packets(ends_of[0], {"C > S tcp SEC"}), {}); }

TEST(EcnChain, CollectsAllMarksAndNeverEndsAFlow) {
  const Packets two = packets(ends_of[1], {"C > S udp len=1 ecn=ect0", "C > S udp len=1 ecn=ce"});
  expect_only(two, {"ecn_ect0_data_fwd", "ecn_ce_data_fwd"});
  EXPECT_FALSE(completes("ecn", two));
}

TEST(EcnChain, DSCPIsNotTakenForAMark) { expect_only(packets(ends_of[0], {"C > S udp len=1 dscp=63"}), {}); }

}  // namespace
}  // namespace spiderling::testing
