#include <gtest/gtest.h>

#include "app/test_run_chain.h"
#include "spiderling/dns_builder.h"

namespace spiderling {
namespace {

using namespace testing;

PacketBytes message(std::uint16_t flags) {
  DnsBuffer<512> dns;
  dns.header(4711, flags).question("example.org", dns_type::a);
  if ((flags & dns_flag::response) != 0) {
    dns.address(DnsBuilder::Section::answer, "example.org", address("192.0.2.1"), 60);
  }
  const auto bytes = *dns.finish();
  return {bytes.begin(), bytes.end()};
}

PacketBytes with_length(const PacketBytes& bytes) {
  PacketBytes segment(bytes.size() + 2);
  store_be16(segment.data(), static_cast<std::uint16_t>(bytes.size()));
  std::ranges::copy(bytes, segment.begin() + 2);
  return segment;
}

class DnsChain : public ::testing::TestWithParam<IpVersion> {
 protected:
  PacketBytes tcp(bool forward, const PacketBytes& payload) const {
    return tcp_packet(forward ? h.client : h.server, forward ? h.server : h.client, tcp_flag::ack,
                      {.payload = as_text(payload)});
  }
  PacketBytes udp(bool forward, const PacketBytes& payload) const {
    return udp_with(forward ? h.client : h.server, forward ? h.server : h.client, payload);
  }
  Json of_udp_answer(const PacketBytes& answer) const {
    return run_chain("dns", {udp(true, query), udp(false, answer)});
  }

  const Hosts h = hosts(GetParam());
  const PacketBytes query = message(dns_flag::recursion_desired);
  const PacketBytes response = message(dns_flag::response | dns_flag::recursion_available);
};
INSTANTIATE_TEST_SUITE_P(Versions, DnsChain, ::testing::ValuesIn(both_versions),
                         [](const auto& test) { return test.param == IpVersion::v4 ? "v4" : "v6"; });

TEST_P(DnsChain, AResponseOverUDPCompletesTheFlow) {
  expect_fields(of_udp_answer(response), "dns_response_valid=true");
  EXPECT_TRUE(completes("dns", {udp(true, query), udp(false, response)}));
}

TEST_P(DnsChain, AResponseOverTCPHasItsLengthBeforeIt) {
  const std::vector<PacketBytes> packets{tcp(true, with_length(query)), tcp(false, with_length(response))};
  expect_fields(run_chain("dns", packets), "dns_response_valid=true");
  EXPECT_TRUE(completes("dns", packets));
  expect_fields(run_chain("dns", {tcp(true, with_length(query)), tcp(false, response)}),
                "dns_response_valid=false");
}

TEST_P(DnsChain, OnlyTheOtherSideAnswers) {
  expect_fields(run_chain("dns", {udp(true, response)}), "dns_response_valid=false");
  expect_fields(run_chain("dns", {tcp(true, with_length(response))}), "dns_response_valid=false");
  EXPECT_FALSE(completes("dns", {udp(true, response)}));
}

TEST_P(DnsChain, AQueryIsNoResponse) {
  expect_fields(of_udp_answer(query), "dns_response_valid=false");
  EXPECT_FALSE(completes("dns", {udp(true, query), udp(false, query)}));
}

TEST_P(DnsChain, WhatDoesNotParseIsNoResponse) {
  for (std::size_t size = 0; size < response.size(); ++size) {
    const PacketBytes cut(response.begin(), response.begin() + static_cast<std::ptrdiff_t>(size));
    expect_fields(of_udp_answer(cut), "dns_response_valid=false");
    PacketBytes segment = with_length(response);
    segment.resize(size + 1);
    expect_fields(run_chain("dns", {tcp(true, query), tcp(false, segment)}), "dns_response_valid=false");
  }
  PacketBytes loop = response;
  loop[12] = 0xc0;  // the name of the question points to itself
  loop[13] = 12;
  expect_fields(of_udp_answer(loop), "dns_response_valid=false");
}

TEST_P(DnsChain, AnErrorIsAResponseToo) {
  expect_fields(of_udp_answer(message(dns_flag::response | 3)), "dns_response_valid=true");
}

TEST_P(DnsChain, QuotedResponsesDoNotCount) {
  expect_fields(run_chain("dns", {udp(true, query), unreachable(h.server, h.client, udp(true, response))}),
                "dns_response_valid=false");
}

}  // namespace
}  // namespace spiderling
