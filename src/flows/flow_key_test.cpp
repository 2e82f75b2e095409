#include "flows/flow_key.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "flows/test_packets.h"
#include "wire/testing.h"

namespace spiderling {
namespace {

using namespace testing;

const HashSeed seed{{0x1111111111111111, 0x2222222222222223, 0x3333333333333335, 0x4444444444444447}};

FlowId id_of(const PacketBytes& bytes) { return flow_id_of(dissect(bytes, LinkType::raw_ip), seed); }

void expect_two_directions(const FlowId& there, const FlowId& back) {
  EXPECT_TRUE(there.key == back.key);
  EXPECT_EQ(there.hash, back.hash);
  EXPECT_EQ(there.shard_hash, back.shard_hash);
  EXPECT_NE(there.from_low, back.from_low);
}

class FlowKeyTest : public ::testing::TestWithParam<IpVersion> {
 protected:
  const Hosts h = hosts(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Versions, FlowKeyTest, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(FlowKeyTest, IsTheSameInBothDirections) {
  expect_two_directions(id_of(tcp_packet(h.client, h.server, 0)), id_of(tcp_packet(h.server, h.client, 0)));
  expect_two_directions(id_of(udp_packet(h.client, h.server)), id_of(udp_packet(h.server, h.client)));
  expect_two_directions(id_of(other_packet(h.client, h.server, 50)),
                        id_of(other_packet(h.server, h.client, 50)));
}

TEST_P(FlowKeyTest, TellsApartWhatDiffersInOneThing) {
  const auto changed = [](Endpoint endpoint, std::uint16_t port) {
    endpoint.port = port;
    return endpoint;
  };
  std::vector<FlowId> ids{
      id_of(tcp_packet(h.client, h.server, 0)),
      id_of(udp_packet(h.client, h.server)),
      id_of(tcp_packet(changed(h.client, 40001), h.server, 0)),
      id_of(tcp_packet(h.client, changed(h.server, 81), 0)),
      id_of(tcp_packet(changed(h.client, 80), changed(h.server, 40000), 0)),
      id_of(tcp_packet(h.client, changed(h.router, 80), 0)),
      id_of(tcp_packet(changed(h.router, 40000), h.server, 0)),
      id_of(other_packet(h.client, h.server, 50)),
      id_of(other_packet(h.client, h.server, 51)),
  };
  for (std::size_t a = 0; a < ids.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      EXPECT_FALSE(ids[a].key == ids[b].key) << a << " and " << b;
      EXPECT_NE(ids[a].hash, ids[b].hash) << a << " and " << b;
    }
  }
}

TEST_P(FlowKeyTest, HasPortsForFourProtocolsOnly) {
  for (int protocol = 0; protocol < 256; ++protocol) {
    const bool with_ports = protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136;
    EXPECT_EQ(protocol_has_ports(static_cast<std::uint8_t>(protocol)), with_ports) << protocol;
  }
  Endpoint other_port = h.client;
  other_port.port = 40001;
  const auto sctp = [&](const Endpoint& from) {
    return ip_packet(from, h.server, {}, [&](PacketBuilder& packet) {
      packet.sctp({.source_port = from.port, .destination_port = h.server.port});
    });
  };
  const auto udp_lite = [&](const Endpoint& from) {
    return ip_packet(from, h.server, {}, [&](PacketBuilder& packet) {
      packet.udp_lite({.source_port = from.port, .destination_port = h.server.port});
    });
  };
  EXPECT_FALSE(id_of(sctp(h.client)).key == id_of(sctp(other_port)).key);
  EXPECT_FALSE(id_of(udp_lite(h.client)).key == id_of(udp_lite(other_port)).key);
  EXPECT_TRUE(id_of(other_packet(h.client, h.server, 47, 4)).key ==
              id_of(other_packet(h.client, h.server, 47, 8)).key);
}

TEST_P(FlowKeyTest, OneHostTalkingToItselfHasDirectionsByPort) {
  Endpoint other = h.client;
  other.port = 9;
  expect_two_directions(id_of(udp_packet(h.client, other)), id_of(udp_packet(other, h.client)));
}

TEST_P(FlowKeyTest, AnErrorIsInTheQuotedFlowReversed) {
  const auto quoted = tcp_packet(h.client, h.server, tcp_flag::syn);
  const auto error = unreachable(h.router, h.client, quoted);
  const auto quotation = dissect(error, LinkType::raw_ip).quotation();
  ASSERT_TRUE(quotation.has_value());
  expect_two_directions(id_of(quoted), flow_id_of_quotation(*quotation, seed));
}

// Both ends the same: the key cannot tell directions, but an error is never in that of what it quotes.
TEST_P(FlowKeyTest, AnErrorAboutAPacketToItselfIsReversedToo) {
  const auto quoted = udp_packet(h.client, h.client);
  const auto error = unreachable(h.router, h.client, quoted);
  const auto quotation = dissect(error, LinkType::raw_ip).quotation();
  ASSERT_TRUE(quotation.has_value());
  expect_two_directions(id_of(quoted), flow_id_of_quotation(*quotation, seed));
}

TEST_P(FlowKeyTest, ShardsAreThoseOfTheAddresses) {
  const auto tcp = id_of(tcp_packet(h.client, h.server, 0));
  const auto other = id_of(other_packet(h.server, h.client, 50));
  for (std::size_t shards = 1; shards < 20; ++shards) {
    EXPECT_EQ(shard_of(tcp.shard_hash, shards), shard_of(other.shard_hash, shards));
    EXPECT_LT(shard_of(tcp.shard_hash, shards), shards);
  }
}

// Taken from the raw frame, so that a shard need not dissect what is another's; must never say otherwise.
TEST_P(FlowKeyTest, TheQuickShardHashIsThatOfTheFlow) {
  const auto quick_of = [](const PacketBytes& bytes) {
    PacketBytes frame(EthernetHeader::size, 0);
    store_be16(frame.data() + 12, bytes.at(0) >> 4 == 4 ? 0x0800 : 0x86dd);
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    return quick_shard_hash(frame, LinkType::ethernet, seed);
  };
  const auto whole = udp_packet(h.client, h.server, 3000);
  std::vector<PacketBytes> packets{tcp_packet(h.client, h.server, 0, {.payload = "0123456789"}),
                                   tcp_packet(h.server, h.client, 0, {.payload = "0123456789"}),
                                   udp_packet(h.client, h.server, 40), udp_packet(h.client, h.client, 40)};
  for (auto& fragment : fragments_of(whole, 1200)) packets.push_back(std::move(fragment));
  int known = 0;
  for (const auto& packet : packets) {
    const auto quick = quick_of(packet);
    if (!quick) continue;
    ++known;
    EXPECT_EQ(*quick, id_of(packet).shard_hash);
  }
  EXPECT_GE(known, 4);
  EXPECT_FALSE(quick_of(unreachable(h.router, h.client, whole))) << "its flow is the quoted one";
  EXPECT_FALSE(quick_of(other_packet(h.client, h.server, 50, 40)));
  EXPECT_FALSE(quick_shard_hash(packets[0], LinkType::raw_ip, seed));
  EXPECT_FALSE(quick_shard_hash({}, LinkType::ethernet, seed));
}

TEST(FlowKey, IPv4AddressesInIPv6AreOtherFlows) {
  const std::uint8_t a[16] = {1, 2, 3, 4}, b[16] = {5, 6, 7, 8};
  const FlowId v4 = make_flow_id({a, b, 1, 2, 6, IpVersion::v4}, seed);
  const FlowId v6 = make_flow_id({a, b, 1, 2, 6, IpVersion::v6}, seed);
  EXPECT_FALSE(v4.key == v6.key);
}

TEST(FlowKey, SpreadsOverShardsAndIndex) {
  constexpr int hosts_each_side = 64;
  std::map<std::size_t, int> per_shard;
  std::set<std::uint32_t> tags;
  std::uint8_t a[4] = {10, 0, 0, 0}, b[4] = {10, 0, 1, 0};
  for (int i = 0; i < hosts_each_side; ++i) {
    for (int j = 0; j < hosts_each_side; ++j) {
      a[3] = static_cast<std::uint8_t>(i);
      b[3] = static_cast<std::uint8_t>(j);
      const FlowId id = make_flow_id({a, b, 40000, 80, 6, IpVersion::v4}, seed);
      ++per_shard[shard_of(id.shard_hash, 4)];
      tags.insert(static_cast<std::uint32_t>(id.hash >> 32));
    }
  }
  for (const auto& [shard, count] : per_shard) EXPECT_NEAR(count, 1024, 256) << shard;
  EXPECT_EQ(per_shard.size(), 4u);
  EXPECT_GT(tags.size(), 4090u);
}

TEST(FlowKey, SeedsAreRandomAndChangeTheHash) {
  const HashSeed one = HashSeed::random(), two = HashSeed::random();
  EXPECT_NE(one.words[0], two.words[0]);
  const std::uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, 0, 0, 2};
  EXPECT_NE(make_flow_id({a, b, 1, 2, 6, IpVersion::v4}, one).hash,
            make_flow_id({a, b, 1, 2, 6, IpVersion::v4}, two).hash);
}

}  // namespace
}  // namespace spiderling
