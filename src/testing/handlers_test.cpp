// Chefs and chains over the packets of a test: those of this program, which are registered below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "spiderling/testing/chains.h"
#include "spiderling/testing/chefs.h"

namespace {

using namespace spiderling;

class Talker : public Chef {
 public:
  static constexpr Layers wants = Layers::udp;
  Payload packet_handler(const Packet& packet) override {
    ++packets_;
    if (packet.destination_port() == 1) throw std::runtime_error("no luck");
    if (packet.destination_port() == 2) return NAN;
    return {{"to", packet.destination_port()}};
  }
  Payload interval_handler(std::chrono::duration<double>) override {
    return {{"packets", packets_}, {"in", kitchen()}};
  }
  std::uint64_t forgotten() const override { return 3; }

 private:
  int packets_ = 0;
};

struct Ttl {
  static constexpr const char* name = "test_ttl";
  static constexpr const char* description = "of the first packet each way";
  struct State {
    PerDirection<Maybe<std::uint8_t>> ttl;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("ttl_fwd", s.ttl.fwd, "forward");
    list.add("ttl_rev", s.ttl.rev, "reverse");
  }
  static Verdict ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) {
    s.ttl[p.direction].first(ip.ttl());
    return ip.ttl() == 1 ? Verdict::complete : Verdict::go_on;
  }
};

}  // namespace

SPIDERLING_CHEF(Talker)
SPIDERLING_CHAIN(Ttl)

namespace spiderling::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Call>
std::string why_not(Call&& call) {
  try {
    call();
  } catch (const std::exception& problem) {
    return problem.what();
  }
  return "it was done";
}

TEST(RunChef, GivesWhatBothHandlersReturn) {
  const ChefRun run = run_chef("Talker", {"10.0.0.1:9 > 10.0.0.2:7 udp", "10.0.0.1:9 > 10.0.0.2:7 tcp S",
                                          "12 10.0.0.1:9 > 10.0.0.2:8 udp", "10.0.0.1:9 > 10.0.0.2:1 udp",
                                          "10.0.0.1:9 > 10.0.0.2:2 udp"});
  EXPECT_THAT(run.of_packets(), ElementsAre(Payload{{"to", 7}}, Payload{{"to", 8}}));
  const auto poke = [](int packets) { return Payload{{"packets", packets}, {"in", "kitchen"}}; };
  EXPECT_THAT(run.of_intervals(), ElementsAre(poke(0), poke(1), poke(1), poke(4)));
  EXPECT_EQ(run.failures, 1u);
  EXPECT_EQ(run.unsayable, 1u);
  EXPECT_EQ(run.forgotten, 3u);
  EXPECT_DOUBLE_EQ(run.dumplings.front().creation_time, 1.6e9);
  EXPECT_EQ(run_chef<Talker>({"10.0.0.1:9 > 10.0.0.2:7 udp"}).of_packets().size(), 1u);
}

TEST(RunChef, NamesThoseThatThereAre) {
  EXPECT_THAT(why_not([] { run_chef("Walker", {}); }),
              HasSubstr("there is no chef 'Walker'; did you mean 'Talker'"));
}

TEST(RunChain, GivesTheRecord) {
  const Record record =
      run_chain("test_ttl", {"10.0.0.1:9 > 10.0.0.2:7 udp ttl=5", "10.0.0.1:9 > 10.0.0.2:7 udp ttl=6"});
  EXPECT_EQ(record["ttl_fwd"], 5);
  EXPECT_EQ(record["ttl_rev"], nullptr);
  EXPECT_THAT(record.fields(), ElementsAre("pkt_first", "ttl_fwd", "ttl_rev", "pkt_last"));
  EXPECT_EQ(record.differences("ttl_fwd=5 ttl_rev=null"), "");
  EXPECT_EQ(record.differences("ttl_fwd=6\nttl_rev=null"), "ttl_fwd is 5, expected 6\n");
  EXPECT_THAT(why_not([&] { record["ttl_fw"]; }), HasSubstr("no field 'ttl_fw'; did you mean 'ttl_fwd'"));
  EXPECT_EQ(run_chain<Ttl>({"10.0.0.1:9 > 10.0.0.2:7 udp ttl=5"})["ttl_fwd"], 5);
}

TEST(RunChain, FlowsThatAreNotOneAreNoRecord) {
  const Packets two{"10.0.0.1:9 > 10.0.0.2:7 udp", "10.0.0.1:9 > 10.0.0.2:8 udp"};
  EXPECT_THAT(why_not([&] { run_chain("test_ttl", two); }), HasSubstr("2 flow records, not one"));
  EXPECT_EQ(run_chains({"basic", "test_ttl"}, two).size(), 2u);
  EXPECT_THAT(why_not([] {
                run_chains({"tcp", "tpc"}, {});
              }),
              HasSubstr("there is no chain 'tpc'; did you mean 'tcp'"));
  EXPECT_THAT(why_not([] { run_chains({"tcp", "tcp"}, {}); }), HasSubstr("named twice"));
}

TEST(RunChain, TellsWhenAFlowIsComplete) {
  EXPECT_FALSE(completes("test_ttl", {"10.0.0.1:9 > 10.0.0.2:7 udp ttl=5"}));
  EXPECT_TRUE(
      completes("test_ttl", {"10.0.0.1:9 > 10.0.0.2:7 udp ttl=5", "10.0.0.1:9 > 10.0.0.2:7 udp ttl=1"}));
}

}  // namespace
}  // namespace spiderling::testing
