// ICMP errors belong to the flow that they quote, with the direction reversed.
#include <gtest/gtest.h>

#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

class ObserverIcmp : public ::testing::TestWithParam<IpVersion> {
 protected:
  bool v4() const { return GetParam() == IpVersion::v4; }
  const Hosts h = hosts(GetParam());
  Watch watch;
};
INSTANTIATE_TEST_SUITE_P(Versions, ObserverIcmp, ::testing::Values(IpVersion::v4, IpVersion::v6),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(ObserverIcmp, AnErrorAboutAForwardPacketIsAReversePacket) {
  const auto syn = tcp_packet(h.client, h.server, tcp_flag::syn);
  watch.see(0, syn);
  watch.see(1, unreachable(h.router, h.client, syn));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward(), 1u);
  EXPECT_EQ(records[0].reverse(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_quotation].rev, 1u);
}

TEST_P(ObserverIcmp, AnErrorAboutAReversePacketIsAForwardPacket) {
  const auto answer = udp_packet(h.server, h.client);
  watch.see(0, udp_packet(h.client, h.server));
  watch.see(1, answer);
  watch.see(2, unreachable(h.client, h.server, answer));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].fwd, 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 0u);
}

TEST_P(ObserverIcmp, AnErrorMayComeFirst) {
  const auto syn = tcp_packet(h.client, h.server, tcp_flag::syn);
  watch.see(0, unreachable(h.router, h.client, syn));
  watch.see(1, syn);
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].fwd, 1u) << "the first packet is forward";
  EXPECT_EQ(records[0].trail.calls[Trail::tcp_hook].rev, 1u);
  EXPECT_EQ(records[0].trail.source, h.router.address);
}

TEST_P(ObserverIcmp, AnErrorAboutAHostTalkingToItselfIsReversed) {
  const auto packet = udp_packet(h.client, h.client);
  watch.see(0, packet);
  watch.see(1, unreachable(h.client, h.client, packet));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 1u);
}

TEST_P(ObserverIcmp, TheTypesThatQuoteAreThoseOfTheirVersion) {
  const auto quoted = udp_packet(h.client, h.server);
  for (int type = 0; type < 256; ++type) {
    Watch one;
    one.see(0, quoted);
    one.see(1, icmp_packet(h.router, h.client, static_cast<std::uint8_t>(type), quoted));
    const bool is_error =
        v4() ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type >= 1 && type <= 4;
    EXPECT_EQ(one.finish().size(), is_error ? 1u : 2u) << "type " << type;
  }
}

TEST_P(ObserverIcmp, AQuotationShorterThanAnIPHeaderNamesNoFlow) {
  const auto quoted = udp_packet(h.client, h.server);
  const std::size_t least = v4() ? 20 : 40;
  watch.see(0, quoted);
  watch.see(1, icmp_packet(h.router, h.client, v4() ? 3 : 1, Bytes(quoted).first(least - 1)));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 2u) << "an error that quotes too little is a flow of its own";
  EXPECT_EQ(records[0].calls(Trail::icmp_hook) + records[1].calls(Trail::icmp_hook), 1u);
  EXPECT_EQ(records[0].calls(Trail::icmp_quotation) + records[1].calls(Trail::icmp_quotation), 0u);
}

TEST_P(ObserverIcmp, AQuotationWithPortsIsEnough) {
  const auto quoted = tcp_packet(h.client, h.server, tcp_flag::syn);
  const std::size_t ip = v4() ? 20 : 40;
  for (const std::size_t size : {ip + 4, ip + 8, ip + 20}) {
    Watch one;
    one.see(0, quoted);
    one.see(1, icmp_packet(h.router, h.client, v4() ? 11 : 3, Bytes(quoted).first(size)));
    EXPECT_EQ(one.finish().size(), 1u) << size;
    EXPECT_EQ(one.counters().malformed, 0u);
  }
}

TEST_P(ObserverIcmp, AnErrorAboutAThreeTupleIsInIt) {
  const auto quoted = other_packet(h.client, h.server, 50);
  watch.see(0, quoted);
  watch.see(1, unreachable(h.router, h.client, quoted));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].reverse(), 1u);
}

TEST_P(ObserverIcmp, AnErrorAboutAnEchoIsInTheFlowOfTheEcho) {
  const auto echo = icmp_packet(h.client, h.server, v4() ? 8 : 128);
  watch.see(0, echo);
  watch.see(1, unreachable(h.router, h.client, echo));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 1u);
}

TEST_P(ObserverIcmp, AnErrorAboutAFirstFragmentIsInItsFlow) {
  const auto fragments = fragments_of(udp_packet(h.client, h.server, 3000), 1200);
  watch.see(0, fragments[0]);
  watch.see(1, unreachable(h.router, h.client, fragments[0]));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].rev, 1u);
}

TEST_P(ObserverIcmp, AnErrorAboutALaterFragmentIsInTheFlowOfTheFirst) {
  const auto fragments = fragments_of(udp_packet(h.client, h.server, 3000), 1200);
  watch.see(0, udp_packet(h.server, h.client));
  watch.see(1, fragments[0]);
  watch.see(2, unreachable(h.router, h.client, fragments[1]));
  const auto& records = watch.finish();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].reverse(), 1u);
  EXPECT_EQ(records[0].trail.calls[Trail::icmp_hook].fwd, 1u) << "it is about a reverse packet";
}

TEST_P(ObserverIcmp, AnErrorAboutAFragmentOfAnUnknownDatagramIsAThreeTuple) {
  const auto fragments = fragments_of(udp_packet(h.client, h.server, 3000), 1200);
  watch.see(0, udp_packet(h.client, h.server));
  watch.see(1, unreachable(h.router, h.client, fragments[1]));
  EXPECT_EQ(watch.finish().size(), 2u);
}

TEST_P(ObserverIcmp, QuotationsOfTheOtherVersionNameNoFlow) {
  const Hosts other = hosts(v4() ? IpVersion::v6 : IpVersion::v4);
  const auto quoted = udp_packet(other.client, other.server, 60);
  watch.see(0, quoted);
  watch.see(1, icmp_packet(h.router, h.client, v4() ? 3 : 1, quoted));
  EXPECT_EQ(watch.finish().size(), 2u);
}

}  // namespace
}  // namespace spiderling
