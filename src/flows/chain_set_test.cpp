#include "flows/chain_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spiderling {
namespace {

using ::testing::HasSubstr;

struct Byte {
  static constexpr const char* name = "byte";
  static constexpr const char* description = "One byte";
  struct State {
    std::uint8_t value = 0xab;
  };
  static void fields(FieldList& list, const State& s) { list.add("byte_value", s.value, "a byte"); }
  static void tcp(State&, const TcpHeader&, const FlowPacket&) {}
};

struct Wide {
  static constexpr const char* name = "wide";
  static constexpr const char* description = "Eight bytes, and no hook";
  struct State {
    std::uint64_t value = 0x0123456789abcdef;
    Maybe<std::uint16_t> maybe;
  };
  static void fields(FieldList& list, const State& s) {
    list.add("wide_value", s.value, "eight bytes");
    list.add("wide_maybe", s.maybe, "or nothing");
  }
};

struct Aligned {
  static constexpr const char* name = "aligned";
  static constexpr const char* description = "As aligned as a state can be";
  struct State {
    alignas(16) std::uint8_t value[3] = {1, 2, 3};
    bool flag = true;
  };
  static void fields(FieldList& list, const State& s) { list.add("aligned_flag", s.flag, "a flag"); }
  static Verdict new_flow(State&, const FlowPacket&) { return Verdict::go_on; }
  static void ip4(State&, const Ipv4Header&, const FlowPacket&) {}
  static Verdict ip6(State&, const Ipv6Header&, const FlowPacket&) { return Verdict::complete; }
  static void icmp4(State&, const IcmpMessage&, const FlowPacket&) {}
  static void icmp6(State&, const IcmpMessage&, const FlowPacket&) {}
  static void udp(State&, const UdpHeader&, const FlowPacket&) {}
  static void l4(State&, const Transport&, const FlowPacket&) {}
};

struct AlsoByte {
  static constexpr const char* name = "also";
  static constexpr const char* description = "Has a field of another chain";
  struct State {
    std::uint8_t value = 0;
  };
  static void fields(FieldList& list, const State& s) { list.add("byte_value", s.value, "a byte"); }
};

struct Twice : AlsoByte {
  static constexpr const char* name = "twice";
  static void fields(FieldList& list, const State& s) {
    list.add("twice_value", s.value, "a byte");
    list.add("twice_value", s.value, "the same byte");
  }
};

struct TakesPktFirst : AlsoByte {
  static constexpr const char* name = "taken";
  static void fields(FieldList& list, const State& s) {
    list.add("pkt_first", s.value, "the engine has that name");
  }
};

struct BadName : AlsoByte {
  static constexpr const char* name = "bad_name";
  static void fields(FieldList& list, const State& s) {
    list.add("a \"quoted\" name", s.value, "no JSON key as it is");
  }
};

struct Outside : AlsoByte {
  static constexpr const char* name = "outside";
  static void fields(FieldList& list, const State&) {
    static const std::uint8_t elsewhere = 0;
    list.add("outside_value", elsewhere, "not in the state");
  }
};

template <class... Chains>
Result<ChainSet> make() {
  const std::vector<const ChainDescription*> chains{&describe_chain<Chains>()...};
  return ChainSet::make(chains);
}

TEST(ChainSet, PlacesStatesAlignedAndConstructed) {
  const auto set = make<Byte, Wide, Aligned>();
  ASSERT_TRUE(set.has_value());
  ASSERT_EQ(set->chains().size(), 3u);
  const auto& blank = set->blank_states();
  std::size_t end = 0;
  for (const auto& placed : set->chains()) {
    EXPECT_EQ(placed.state_offset % placed.chain->state_align, 0u) << placed.chain->name;
    EXPECT_GE(placed.state_offset, end) << placed.chain->name;
    end = placed.state_offset + placed.chain->state_size;
  }
  EXPECT_GE(blank.size(), end);
  Wide::State wide{0, {}};
  std::memcpy(static_cast<void*>(&wide), blank.data() + set->chains()[1].state_offset, sizeof wide);
  EXPECT_EQ(blank[0], 0xab);
  EXPECT_EQ(wide.value, 0x0123456789abcdefu);
  EXPECT_FALSE(wide.maybe);
  EXPECT_EQ(blank[set->chains()[2].state_offset + 2], 3);
}

TEST(ChainSet, BindsOnlyTheHooksThatThereAre) {
  const auto set = make<Byte, Wide, Aligned>();
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->tcp.size(), 1u);
  EXPECT_EQ(set->new_flow.size(), 1u);
  EXPECT_EQ(set->ip4.size(), 1u);
  EXPECT_EQ(set->ip6.size(), 1u);
  EXPECT_EQ(set->icmp4.size(), 1u);
  EXPECT_EQ(set->icmp6.size(), 1u);
  EXPECT_EQ(set->udp.size(), 1u);
  EXPECT_EQ(set->l4.size(), 1u);
  EXPECT_EQ(set->tcp[0].state_offset, set->chains()[0].state_offset);
  EXPECT_EQ(set->l4[0].state_offset, set->chains()[2].state_offset);
}

TEST(ChainSet, KeepsTheOrderItWasGiven) {
  const auto set = make<Wide, Byte>();
  ASSERT_TRUE(set.has_value());
  EXPECT_STREQ(set->chains()[0].chain->name, "wide");
  EXPECT_STREQ(set->chains()[1].chain->name, "byte");
}

TEST(ChainSet, MayBeEmpty) {
  const auto set = make<>();
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(set->chains().empty());
}

TEST(ChainSet, RefusesAChainTwice) {
  const auto set = make<Byte, Wide, Byte>();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("byte"));
}

TEST(ChainSet, RefusesAFieldNameThatTwoChainsHave) {
  const auto set = make<Byte, AlsoByte>();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("byte_value"));
  EXPECT_THAT(set.error().message, HasSubstr("also"));
}

TEST(ChainSet, RefusesAFieldNameTwiceInOneChain) {
  const auto set = make<Twice>();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("twice_value"));
}

TEST(ChainSet, RefusesTheNamesThatEveryRecordHas) {
  const auto set = make<TakesPktFirst>();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("pkt_first"));
}

TEST(ChainSet, RefusesANameThatIsNoPlainKey) {
  const auto set = make<BadName>();
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message, HasSubstr("bad_name"));
}

TEST(DescribeChain, TellsTypesAndNulls) {
  const ChainDescription& wide = describe_chain<Wide>();
  ASSERT_EQ(wide.fields.size(), 2u);
  EXPECT_EQ(wide.fields[0].type, FieldType::u64);
  EXPECT_FALSE(wide.fields[0].nullable);
  EXPECT_EQ(wide.fields[1].type, FieldType::u16);
  EXPECT_TRUE(wide.fields[1].nullable);
  EXPECT_EQ(wide.fields[1].offset, offsetof(Wide::State, maybe));
  EXPECT_EQ(wide.fields[1].seen_offset, offsetof(Wide::State, maybe) + offsetof(Maybe<std::uint16_t>, seen));
  EXPECT_TRUE(wide.fields_in_state);
  EXPECT_EQ(wide.tcp, nullptr);
}

TEST(DescribeChain, NoticesAFieldOutsideTheState) { EXPECT_FALSE(describe_chain<Outside>().fields_in_state); }

TEST(DescribeChain, HooksThatReturnNothingGoOn) {
  const ChainDescription& chain = describe_chain<Aligned>();
  Aligned::State state;
  const Packet packet;
  const FlowPacket in_flow{packet, Direction::reverse};
  const std::uint8_t header[40] = {0x60};
  EXPECT_EQ(chain.l4(&state, Transport{}, in_flow), Verdict::go_on);
  EXPECT_EQ(chain.ip6(&state, *Ipv6Header::at(header), in_flow), Verdict::complete);
}

TEST(Maybe, KeepsTheFirstOrTheLast) {
  Maybe<int> maybe;
  EXPECT_FALSE(maybe);
  maybe.first(0);
  EXPECT_TRUE(maybe);
  maybe.first(2);
  EXPECT_EQ(maybe.value, 0);
  maybe = 3;
  EXPECT_EQ(maybe.value, 3);
}

}  // namespace
}  // namespace spiderling
