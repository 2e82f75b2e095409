#include "capture/fanout_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>

#include <map>
#include <set>

#include "capture/test_live.h"

namespace spiderling {
namespace {

using ::testing::SizeIs;
class Fanout : public Live {};

ByteVector icmp_error(bool v6, std::uint8_t type, const ByteVector& quoted) {
  ByteVector message = {type, 0, 0, 0, 0, 0, 0, 0};
  append(message, quoted);
  return ip_packet(v6, 60'000u, 60'001u, v6 ? 58 : 1, message);
}

TEST(FanoutProgram, IsAsShortAsTheKernelDemands) {
  EXPECT_LE(fanout_program().size(), std::size_t{BPF_MAXINSNS});
}

TEST_F(Fanout, FlowsFragmentsAndQuotationsComeToOneShard) {
  in_namespace([] {
    ASSERT_TRUE(make_veth());
    const std::vector<std::string> captures = {"v1", "v0", "all"};  // received, sent, both
    for (const std::string& on : captures) {
      SourceOptions options;
      options.shards = 2;
      const auto source = open_or_fail(on, options);
      ASSERT_TRUE(source);
      Injector injector("v0");
      constexpr unsigned flows = 60;
      std::map<std::string, unsigned> flow_of;  // by the bytes of a frame
      const auto send = [&](unsigned flow, bool v6, const ByteVector& packet, const ByteVector& tags = {}) {
        const ByteVector frame = ethernet(v6 ? ETH_P_IPV6 : ETH_P_IP, packet, tags);
        flow_of.emplace(std::string(frame.begin(), frame.end()), flow * 2 + (v6 ? 1 : 0));
        injector.send(frame);
      };
      for (unsigned flow = 0; flow < flows; ++flow) {
        for (const bool v6 : {false, true}) {
          const unsigned a = 100 + flow * 3;
          const unsigned b = 7 + flow;
          const ByteVector there = ip_packet(v6, a, b, 17, numbered_data(30, 1));
          const ByteVector back = ip_packet(v6, b, a, 17, numbered_data(30, 2));
          send(flow, v6, there);
          send(flow, v6, back);
          send(flow, v6, there, {0x81, 0, 0, 5});
          send(flow, v6, back, {0x88, 0xa8, 0, 9, 0x81, 0, 0, 5});
          send(flow, v6, ip_packet(v6, a, b, 17, numbered_data(32, 3), 0x2000));
          send(flow, v6, ip_packet(v6, a, b, 17, numbered_data(30, 4), 0x0004));
          for (const std::uint8_t type : v6 ? ByteVector{1, 2, 3, 4} : ByteVector{3, 4, 5, 11, 12}) {
            send(flow, v6, icmp_error(v6, type, there));
            send(flow, v6, icmp_error(v6, type, back));
          }
          // Other ICMP belongs to its own addresses.
          send(flow, v6,
               ip_packet(v6, a, b, v6 ? 58 : 1,
                         {static_cast<std::uint8_t>(v6 ? 128 : 8), 0, 0, 0, 1, 1, 1, 1}));
        }
      }
      std::map<unsigned, std::set<std::size_t>> shards_of;
      std::size_t total = 0;
      std::size_t per_shard[2] = {};
      for (std::size_t shard = 0; shard < 2; ++shard) {
        for (const SeenFrame& frame : rest_of(*source, shard)) {
          const auto known = flow_of.find(std::string(frame.data.begin(), frame.data.end()));
          ASSERT_NE(flow_of.end(), known);
          shards_of[known->second].insert(shard);
          ++per_shard[shard];
          ++total;
        }
      }
      EXPECT_EQ(flow_of.size() * (on == "all" ? 2 : 1), total) << on;
      EXPECT_THAT(shards_of, SizeIs(2 * flows)) << on;
      for (const auto& [flow, shards] : shards_of) EXPECT_THAT(shards, SizeIs(1)) << on << " flow " << flow;
      EXPECT_GT(per_shard[0], total / 5) << on;
      EXPECT_GT(per_shard[1], total / 5) << on;
    }
  });
}

}  // namespace
}  // namespace spiderling
