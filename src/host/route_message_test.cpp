#include "host/route_message.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>
#include <vector>

namespace spiderling {
namespace {

/// A message as the kernel would send it.
class Message {
 public:
  explicit Message(std::uint16_t type) : buffer_(4096) {
    header_ = mnl_nlmsg_put_header(buffer_.data());
    header_->nlmsg_type = type;
  }
  template <class Extra>
  Extra& extra() {
    return *static_cast<Extra*>(mnl_nlmsg_put_extra_header(header_, sizeof(Extra)));
  }
  nlmsghdr* operator->() { return header_; }
  operator nlmsghdr*() { return header_; }

 private:
  std::vector<std::byte> buffer_;
  nlmsghdr* header_;
};

Message route_by_gateway() {
  Message message(RTM_NEWROUTE);
  auto& route = message.extra<rtmsg>();
  route.rtm_family = AF_INET;
  route.rtm_dst_len = 8;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_DHCP;
  route.rtm_type = RTN_UNICAST;
  route.rtm_flags = RTNH_F_ONLINK | RTNH_F_OFFLOAD;
  mnl_attr_put_u32(message, RTA_TABLE, RT_TABLE_MAIN);
  mnl_attr_put_u32(message, RTA_DST, htonl(0x0a000000));
  mnl_attr_put_u32(message, RTA_GATEWAY, htonl(0xc0000201));
  mnl_attr_put_u32(message, RTA_OIF, 3);
  mnl_attr_put_u32(message, RTA_PRIORITY, 100);
  nlattr* metrics = mnl_attr_nest_start(message, RTA_METRICS);
  mnl_attr_put_u32(message, RTAX_MTU, 1400);
  mnl_attr_nest_end(message, metrics);
  return message;
}

const nlmsghdr* message_of(const std::vector<std::byte>& bytes) {
  return reinterpret_cast<const nlmsghdr*>(bytes.data());
}

/// What a request to make a route would make.
std::optional<Route> made_by(std::vector<std::byte> request) { return parse_route(message_of(request)); }

TEST(RouteMessage, SaysWhatItIs) {
  Message message = route_by_gateway();
  const auto route = parse_route(message);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->family, Family::v4);
  EXPECT_EQ(route->table, main_table);
  EXPECT_EQ(route->protocol, RTPROT_DHCP);
  EXPECT_EQ(route->destination, "10.0.0.0/8");
  EXPECT_EQ(route->via, "via 192.0.2.1 dev 3 type 1 tos 0 metric 100");
  EXPECT_FALSE(route->ecn);
  EXPECT_TRUE(route->usable);
}

TEST(RouteMessage, ACopyDiffersInTableProtocolAndEcnOnly) {
  Message message = route_by_gateway();
  const auto route = parse_route(message);
  const auto request = ecn_copy_request(*route, first_table + 5);
  const auto copy = made_by(request);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->table, first_table + 5);
  EXPECT_EQ(copy->protocol, our_protocol);
  EXPECT_TRUE(copy->ecn);
  EXPECT_EQ(copy->destination, route->destination);
  EXPECT_EQ(copy->via, route->via);
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message_of(request)));
  EXPECT_EQ(header->rtm_flags, RTNH_F_ONLINK);  // how its hop is just now is not ours to say
  // A copy of the copy has the other metric still.
  const auto again = ecn_copy_request(*copy, first_table);
  EXPECT_EQ(again.size(), request.size());
}

TEST(RouteMessage, RemovalNamesTheSameRoute) {
  Message message = route_by_gateway();
  const auto copy = made_by(ecn_copy_request(*parse_route(message), first_table));
  auto request = removal_request(*copy);
  EXPECT_EQ(message_of(request)->nlmsg_type, RTM_DELROUTE);
  reinterpret_cast<nlmsghdr*>(request.data())->nlmsg_type = RTM_NEWROUTE;
  const auto removed = parse_route(message_of(request));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->table, first_table);
  EXPECT_EQ(removed->protocol, our_protocol);
  EXPECT_EQ(removed->via, copy->via);
  EXPECT_TRUE(removed->ecn);
}

TEST(RouteMessage, ANexthopObjectIsNamedOnlyOnce) {
  Message message = route_by_gateway();
  mnl_attr_put_u32(message, RTA_NH_ID, 7);
  const auto route = parse_route(message);
  ASSERT_TRUE(route);
  EXPECT_TRUE(route->via.starts_with("nhid 7 "));
  const auto request = ecn_copy_request(*route, first_table);
  bool gateway = false, object = false;
  const auto* end = request.data() + request.size();
  for (const auto* at =
           static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message_of(request), sizeof(rtmsg)));
       mnl_attr_ok(at, static_cast<int>(end - reinterpret_cast<const std::byte*>(at)));
       at = mnl_attr_next(at)) {
    gateway = gateway || mnl_attr_get_type(at) == RTA_GATEWAY || mnl_attr_get_type(at) == RTA_OIF;
    object = object || mnl_attr_get_type(at) == RTA_NH_ID;
  }
  EXPECT_TRUE(object);
  EXPECT_FALSE(gateway);
}

TEST(RouteMessage, DeadHopsAreNotUsable) {
  Message message(RTM_NEWROUTE);
  auto& route = message.extra<rtmsg>();
  route.rtm_family = AF_INET6;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_flags = RTNH_F_LINKDOWN;
  const auto parsed = parse_route(message);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->usable);
  EXPECT_EQ(parsed->destination, "default");
}

TEST(RouteMessage, OthersAreNoRoutes) {
  Message cached(RTM_NEWROUTE);
  auto& header = cached.extra<rtmsg>();
  header.rtm_family = AF_INET;
  header.rtm_flags = RTM_F_CLONED;
  EXPECT_FALSE(parse_route(cached));
  Message unknown(RTM_NEWROUTE);
  unknown.extra<rtmsg>().rtm_family = 200;
  EXPECT_FALSE(parse_route(unknown));
  Message cut(RTM_NEWROUTE);
  EXPECT_FALSE(parse_route(cut));
  EXPECT_FALSE(parse_rule(cut));
  Message cut_rule(RTM_NEWRULE);
  EXPECT_FALSE(parse_rule(cut_rule));
}

TEST(RouteMessage, ARuleComesBackAsItWas) {
  const PolicyRule rule{.family = Family::v6,
                        .preference = 32765,
                        .mark = 0x01000000,
                        .mask = mark_mask,
                        .table = first_table + 9,
                        .protocol = our_protocol};
  EXPECT_EQ(parse_rule(message_of(rule_request(rule, RTM_NEWRULE, 0))), rule);
}

TEST(RouteMessage, ARuleThatAsksForMoreIsSelective) {
  Message message(RTM_NEWRULE);
  auto& header = message.extra<fib_rule_hdr>();
  header.family = AF_INET;
  header.action = FR_ACT_TO_TBL;
  header.table = RT_TABLE_MAIN;
  mnl_attr_put_u32(message, FRA_SUPPRESS_PREFIXLEN, 0xffffffff);
  EXPECT_FALSE(parse_rule(message)->selective);
  EXPECT_EQ(parse_rule(message)->table, main_table);
  mnl_attr_put_strz(message, FRA_IIFNAME, "eth0");
  EXPECT_TRUE(parse_rule(message)->selective);
}

}  // namespace
}  // namespace spiderling
