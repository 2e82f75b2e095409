// A measurement's run over a made-up network: the engine as ever, its network and its observer of our making.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/boost_asio.h"
#include "flows/chain_set.h"
#include "spiderling/testing/fake_network.h"
#include "spiders/engine.h"
#include "testing/fake_exchange.h"

namespace spiderling::testing {

/// Which target a job means: by its line, from 1.
using TargetsByLine = std::vector<std::pair<std::string, const FakeTarget*>>;

/// The jobs of a network's targets, in the order of their names.
std::vector<Job> jobs_of(const TargetsByLine& targets);

/// Prepares conversations that are played through in no time. Keeps the packets of each until its flow is
/// asked for.
class MadeUpNetwork final : public Network {
 public:
  explicit MadeUpNetwork(const TargetsByLine& targets) : targets_(targets), cookies_(targets.size()) {}

  tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare(const ConversationPlan& plan) override;

  struct Seen {
    Packets packets;
    const FakeTarget* target = nullptr;
    bool answered = false;
  };
  void keep(const ExpectedFlow& flow, Seen seen) { seen_[key_of(flow)] = std::move(seen); }
  /// What was kept of a flow, once.
  Seen take(const ExpectedFlow& flow);

 private:
  using Key = std::pair<IpAddress, std::uint16_t>;
  static Key key_of(const ExpectedFlow& flow) { return {flow.dip, flow.sp}; }

  const TargetsByLine& targets_;
  std::vector<char>
      cookies_;  // what is known of each target's Fast Open; char: vector<bool> has no references
  PortAllocator ports_{{20'000, 60'000}, 100'000};
  std::map<Key, Seen> seen_;
};

/// Says what the chains see in those packets.
class MadeUpWatch final : public FlowExpectations {
 public:
  MadeUpWatch(asio::io_context& loop, MadeUpNetwork& network, const ChainSet& chains,
              std::function<void(std::vector<ObservedFlow>)> tell)
      : loop_(loop), network_(network), chains_(chains), tell_(std::move(tell)) {}

  void expect(const ExpectedFlow&, std::uint64_t) override {}
  void forget(const ExpectedFlow& flow, std::uint64_t) override { network_.take(flow); }
  void let_go(const ExpectedFlow& flow, std::uint64_t token) override;
  // A measurement's own sockets do not lead into a network that is made up: nothing is seen of them.
  void expect_towards(const IpAddress&, std::uint64_t) override {}
  void let_go_towards(const IpAddress& dip, std::uint16_t sp, std::uint64_t token) override;

 private:
  void say(ObservedFlow flow, std::uint64_t token);

  asio::io_context& loop_;
  MadeUpNetwork& network_;
  const ChainSet& chains_;
  const std::function<void(std::vector<ObservedFlow>)> tell_;
};

/// The flow of these packets, as the observer would give it; no states: there are none. Throws
/// std::invalid_argument if they are more than one flow.
ObservedFlow observe(const ChainSet& chains, const Packets& packets);

}  // namespace spiderling::testing
