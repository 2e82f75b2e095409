#include <gtest/gtest.h>

#include "flows/test_foreign_chain.h"
#include "flows/test_observer.h"

namespace spiderling {
namespace {

using namespace testing;

class ForeignChainTest : public ::testing::Test, public FlowSink {
 protected:
  void flow_ended(const FlowRecord& record) override {
    ++records_;
    if (keeps_) kept_.push_back(keep_states(chains_, record.states));
    const auto state = Tally::load(record.states + chains_.foreign()[0].state_offset);
    hooks_.push_back(state.number == 0 ? 0 : tally_->entries_.at(state.number).hooks);
    EXPECT_GT(tally_->depth_, 0);
  }
  void expect_nothing_left() const {
    EXPECT_EQ(0u, tally_->entries_.size());
    EXPECT_EQ(0, tally_->let_go_twice_);
    EXPECT_EQ(0, tally_->depth_);
    EXPECT_EQ(0, tally_->hooks_outside_a_batch_);
  }

  const std::shared_ptr<Tally> tally_ = std::make_shared<Tally>();
  const ChainDescription description_ = Tally::description(tally_);
  const std::vector<const ChainDescription*> all_{&describe_chain<Trail>(), &description_};
  const ChainSet chains_ = *ChainSet::make(all_);
  const Hosts h_ = hosts(IpVersion::v4);
  Trace trace_;
  bool keeps_ = false;
  std::vector<KeptStates> kept_;
  std::vector<int> hooks_;
  int records_ = 0;
};

TEST_F(ForeignChainTest, IsToldOfItsSetAndHeldByIt) {
  ASSERT_EQ(1u, chains_.foreign().size());
  EXPECT_EQ(1u, tally_->own_);
  ASSERT_EQ(2u, tally_->placed_.size());
  EXPECT_STREQ("trail", tally_->placed_[0].chain->name);
  EXPECT_EQ(chains_.foreign()[0].state_offset, tally_->placed_[1].state_offset);
  EXPECT_EQ(2, tally_->set_.use_count());
  {
    const ChainSet another = *ChainSet::make(all_);
    EXPECT_EQ(3, tally_->set_.use_count());
  }
  EXPECT_EQ(2, tally_->set_.use_count());
}

TEST_F(ForeignChainTest, HasItsHooksInBatchesAndLetsEachFlowGoOnce) {
  trace_.at(0, tcp_packet(h_.client, h_.server, tcp_flag::syn));
  trace_.at(millisecond, tcp_packet(h_.server, h_.client, tcp_flag::rst));
  trace_.at(10 * second, tcp_packet(h_.client, h_.server, tcp_flag::syn));  // the same five, another flow
  trace_.at(11 * second, udp_packet(h_.client, h_.server, Tally::vetoed));
  trace_.at(12 * second, udp_packet(h_.client, h_.server, Tally::vetoed));
  Observer observer(chains_, {}, *this);
  observer.process(trace_.frames());
  observer.finish();
  EXPECT_EQ(2, records_);
  EXPECT_EQ((std::vector<int>{5, 3}), hooks_);
  expect_nothing_left();
}

TEST_F(ForeignChainTest, IsLetGoAlsoOfFlowsThatAreNeverEmitted) {
  {
    Observer observer(chains_, {}, *this);
    trace_.at(0, tcp_packet(h_.client, h_.server, tcp_flag::syn));
    trace_.at(0, udp_packet(h_.client, h_.server, Tally::vetoed));
    observer.process(trace_.frames());
    EXPECT_EQ(2u, tally_->entries_.size());
  }
  EXPECT_EQ(0, records_);
  expect_nothing_left();
}

TEST_F(ForeignChainTest, IsLetGoWhenRoomIsMadeAndWhenTimePasses) {
  ObserverOptions options;
  options.max_flows = 2;
  Observer observer(chains_, options, *this);
  Hosts h = h_;
  for (std::uint16_t port = 1; port <= 5; ++port) {
    h.client.port = port;
    trace_.at(0, udp_packet(h.client, h.server, 1));
  }
  observer.process(trace_.frames());
  EXPECT_EQ(2u, tally_->entries_.size());
  observer.advance(Timestamp(std::chrono::nanoseconds(start_ns + 100 * second)));
  EXPECT_EQ(5, records_);
  expect_nothing_left();
}

TEST_F(ForeignChainTest, KeepsWhatIsKept) {
  keeps_ = true;
  {
    Observer observer(chains_, {}, *this);
    trace_.at(0, tcp_packet(h_.client, h_.server, tcp_flag::syn));
    observer.process(trace_.frames());
    observer.finish();
  }
  ASSERT_EQ(1u, kept_.size());
  EXPECT_EQ(1u, tally_->entries_.size());
  const auto state = Tally::load(kept_[0].get() + chains_.foreign()[0].state_offset);
  EXPECT_EQ(3, tally_->entries_.at(state.number).hooks);
  kept_.clear();
  expect_nothing_left();
}

TEST(ChainSetWithoutForeign, HasNoneAndStatesAreBytes) {
  const std::vector<const ChainDescription*> chains{&describe_chain<Trail>()};
  const ChainSet set = *ChainSet::make(chains);
  EXPECT_TRUE(set.foreign().empty());
  const KeptStates copy = keep_states(set, set.blank_states().data());
  EXPECT_EQ(0, std::memcmp(copy.get(), set.blank_states().data(), set.blank_states().size()));
}

}  // namespace
}  // namespace spiderling
