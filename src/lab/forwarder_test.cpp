#include "lab/forwarder.h"

#include <gtest/gtest.h>

#include "spiderling/builder.h"

namespace spiderling::lab {
namespace {

using namespace std::chrono_literals;

constexpr BoxForwarder::Time start{};
const IpAddress prober = *IpAddress::parse("100.64.0.2");

std::vector<std::uint8_t> tcp(const IpAddress& from, const IpAddress& to, std::uint8_t flags,
                              std::string_view data = {}) {
  PacketBuffer<2048> buffer;
  const auto bytes =
      buffer.ip4({.source = from, .destination = to})
          .tcp({.source_port = 1, .destination_port = 80, .flags = flags}, {tcp_option::mss(1460)})
          .payload(data)
          .finish();
  return {bytes->begin(), bytes->end()};
}

class Forwarder : public ::testing::Test {
 protected:
  void box(std::string_view name, Parameters parameters) {
    Host host;
    host.box = find_box(name);
    host.parameters = parameters;
    scenario_.hosts = {host};
    plan_ = AddressPlan::of(scenario_).value();
    boxes_.emplace(scenario_, plan_);
  }
  IpAddress target() const { return plan_.address({0, IpVersion::v4, 0}); }
  void take(std::vector<std::uint8_t> packet, BoxForwarder::Time now = start) {
    boxes_->take(packet, now, send_);
  }

  Scenario scenario_;
  AddressPlan plan_;
  std::optional<BoxForwarder> boxes_;
  std::vector<std::vector<std::uint8_t>> sent_;
  BoxForwarder::Send send_ = [this](Bytes packet) { sent_.emplace_back(packet.begin(), packet.end()); };
};

TEST_F(Forwarder, SlowHoldsTheWayThereAndNotTheWayBack) {
  box("slow", {.delay = 300ms});
  const auto there = tcp(prober, target(), tcp_flag::syn);
  take(there);
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(start + 300ms, boxes_->next_due());
  take(tcp(target(), prober, tcp_flag::ack));
  EXPECT_EQ(1u, sent_.size());
  boxes_->send_due(start + 299ms, send_);
  EXPECT_EQ(1u, sent_.size());
  boxes_->send_due(start + 300ms, send_);
  ASSERT_EQ(2u, sent_.size());
  EXPECT_EQ(there, sent_[1]);
  EXPECT_EQ(std::nullopt, boxes_->next_due());
}

TEST_F(Forwarder, HeldPacketsKeepTheirOrder) {
  box("slow", {.delay = 10ms});
  for (char c = 'a'; c <= 'z'; ++c) take(tcp(prober, target(), tcp_flag::ack, {&c, 1}));
  boxes_->send_due(start + 10ms, send_);
  ASSERT_EQ(26u, sent_.size());
  for (std::size_t i = 0; i < 26; ++i) EXPECT_EQ('a' + static_cast<int>(i), sent_[i].back());
}

TEST_F(Forwarder, HoldsNoMoreThanItsBound) {
  box("slow", {.delay = 1s});
  const auto packet = tcp(prober, target(), tcp_flag::ack, std::string(1400, 'x'));
  const std::size_t fit = BoxForwarder::max_held_bytes / packet.size();
  for (std::size_t i = 0; i < fit + 3; ++i) take(packet);
  EXPECT_EQ(3u, boxes_->dropped_when_full());
  boxes_->send_due(start + 1s, send_);
  EXPECT_EQ(fit, sent_.size());
}

TEST_F(Forwarder, DropsOnlyASynWithData) {
  box("syn-data-dropped", {});
  take(tcp(prober, target(), tcp_flag::syn, "GET"));
  EXPECT_TRUE(sent_.empty());
  take(tcp(prober, target(), tcp_flag::syn));
  take(tcp(prober, target(), tcp_flag::ack, "GET"));
  EXPECT_EQ(2u, sent_.size());
}

TEST_F(Forwarder, RaisesTheMssBothWays) {
  box("mss-raised", {.mss = 8960});
  take(tcp(prober, target(), tcp_flag::syn));
  take(tcp(target(), prober, tcp_flag::syn | tcp_flag::ack));
  ASSERT_EQ(2u, sent_.size());
  for (const auto& packet : sent_) EXPECT_EQ(8960, load_be16(packet.data() + 42));
}

TEST_F(Forwarder, DuplicatesAndReordersItsShare) {
  box("duplicating", {.duplicate_percent = 10});
  for (int i = 0; i < 1000; ++i) take(tcp(prober, target(), tcp_flag::ack));
  EXPECT_NEAR(1100, static_cast<double>(sent_.size()), 40);

  sent_.clear();
  box("reordering", {.delay = 5ms, .reorder_percent = 10});
  for (int i = 0; i < 1000; ++i) take(tcp(prober, target(), tcp_flag::ack));
  EXPECT_NEAR(900, static_cast<double>(sent_.size()), 40);
  boxes_->send_due(start + 5ms, send_);
  EXPECT_EQ(1000u, sent_.size());
}

TEST_F(Forwarder, WhatIsNotItsBusinessGoesThrough) {
  box("slow", {.delay = 300ms});
  take(tcp(prober, *IpAddress::parse("192.0.2.1"), tcp_flag::syn));
  take({0x45, 0x00});
  take({});
  EXPECT_EQ(3u, sent_.size());
}

}  // namespace
}  // namespace spiderling::lab
