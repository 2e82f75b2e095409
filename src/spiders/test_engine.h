// A network and an observer that do as a script says, and an engine over them. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "spiders/engine.h"

namespace spiderling::testing {

/// What is to become of one connection.
struct Script {
  ConnectionState state = ConnectionState::ok;  ///< skipped and discard: there is no socket
  int turns = 0;                                ///< of the event loop, until the connection has ended
  int ports_taken = 0;                          ///< tries that end in TIME_WAIT before it
  int silences = 0;                             ///< attempts that time out before it
  bool unanswered = false;                      ///< ok, but nobody has said anything
  bool for_ever = false;                        ///< it never ends
  bool throws = false;
  bool observed = true;
  int observer_turns = 0;  ///< from let_go() to the observer's word
};
using ScriptOf = std::function<Script(std::uint64_t line, std::size_t configuration)>;

inline ScriptOf always(const Script& script) {
  return [script](std::uint64_t, std::size_t) { return script; };
}

inline Job job_of_line(std::uint64_t line) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(line >> 16),
                                          static_cast<std::uint8_t>(line >> 8),
                                          static_cast<std::uint8_t>(line)};
  Job job;
  job.dip = IpAddress::v4(bytes.data());
  job.line = line;
  return job;
}

inline asio::awaitable<void> turns(int count) {
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < count; ++i) co_await asio::post(executor, asio::use_awaitable);
}

class FakeNetwork;

class FakeConversation final : public Conversation {
 public:
  FakeConversation(FakeNetwork& network, const Script& script, ExpectedFlow flow, PortLease lease);
  ~FakeConversation() override;

  const ExpectedFlow& flow() const override { return flow_; }
  bool wants_another_port() const override { return wants_another_; }
  bool unanswered() const override { return script_.unanswered; }
  PortLease take_lease() override { return std::move(lease_); }
  asio::awaitable<ConnectionRecord> connect(Deadline deadline) override;
  asio::awaitable<ConnectionRecord> tcp_connect(Deadline deadline) override { return connect(deadline); }
  asio::awaitable<bool> send(std::string_view bytes, Deadline) override {
    co_await turns(script_.turns);
    sent_ += bytes;
    co_return true;
  }
  asio::awaitable<std::string> receive(std::size_t most, Deadline) override {
    co_await turns(script_.turns);
    co_return sent_.substr(0, most);
  }

 private:
  FakeNetwork& network_;
  const std::shared_ptr<std::size_t> alive_;
  const Script script_;
  const ExpectedFlow flow_;
  PortLease lease_;
  std::string sent_;
  bool wants_another_ = false;
};

/// The destination's address tells the job's line, the mark tells the configuration.
class FakeNetwork final : public Network {
 public:
  explicit FakeNetwork(ScriptOf script) : script_(std::move(script)) {}

  tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare(const ConversationPlan& plan) override {
    Script script = script_(plan.job->line, plan.mark);
    if (script.state == ConnectionState::skipped || script.state == ConnectionState::discard) {
      return tl::unexpected(NotPossible{script.state, "as the script says"});
    }
    const int tries = tries_[{plan.job->line, plan.mark}]++;
    if (tries < script.silences) script.state = ConnectionState::timeout;
    script.ports_taken = tries < script.ports_taken ? 1 : 0;
    order.push_back(plan.mark);
    if (on_prepare) on_prepare(plan);
    auto lease = ports.take(plan.job->dip, plan.port);
    if (!lease) return tl::unexpected(NotPossible{ConnectionState::discard, lease.error().message});
    const ExpectedFlow flow{*IpAddress::parse("192.0.2.1"), plan.job->dip, lease->port(), plan.port, 6};
    scripts_[{flow.dip, flow.sp}] = script;
    return std::make_unique<FakeConversation>(*this, script, flow, std::move(*lease));
  }
  const Script& script_of(const ExpectedFlow& flow) const { return scripts_.at({flow.dip, flow.sp}); }

  PortAllocator ports{{20'000, 60'000}, 100'000};
  std::vector<std::size_t> order;  ///< of the configurations, over all jobs
  std::function<void(const ConversationPlan&)> on_prepare;
  std::function<void(const ExpectedFlow&)> on_connect;
  std::vector<Deadline> deadlines;  ///< of each connect(), in order
  /// Conversations that live: those of a loop that was stopped outlive the network.
  std::shared_ptr<std::size_t> alive = std::make_shared<std::size_t>(0);

 private:
  ScriptOf script_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, int> tries_;
  std::map<std::pair<IpAddress, std::uint16_t>, Script> scripts_;
};

inline FakeConversation::FakeConversation(FakeNetwork& network, const Script& script, ExpectedFlow flow,
                                          PortLease lease)
    : network_(network), alive_(network.alive), script_(script), flow_(flow), lease_(std::move(lease)) {
  ++*alive_;
}
inline FakeConversation::~FakeConversation() { --*alive_; }

inline asio::awaitable<ConnectionRecord> FakeConversation::connect(Deadline deadline) {
  network_.deadlines.push_back(deadline);
  if (network_.on_connect) network_.on_connect(flow_);
  co_await turns(script_.turns);
  if (script_.throws) throw std::runtime_error("the network threw");
  if (script_.for_ever) {
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }
  wants_another_ = script_.ports_taken > 0;
  ConnectionRecord record;
  record.state = wants_another_ ? ConnectionState::discard : script_.state;
  record.sip = flow_.sip;
  record.sp = flow_.sp;
  co_return record;
}

/// Answers as the network's scripts say, and checks what it is told.
class FakeWatch final : public FlowExpectations {
 public:
  FakeWatch(asio::io_context& loop, FakeNetwork& network) : loop_(loop), network_(network) {
    network_.on_connect = [this](const ExpectedFlow& flow) {
      EXPECT_TRUE(expected_.contains(key_of(flow))) << "connected before it was expected";
    };
  }

  void expect(const ExpectedFlow& flow, std::uint64_t token) override {
    EXPECT_TRUE(expected_.emplace(key_of(flow), token).second) << "the same five twice";
  }
  void forget(const ExpectedFlow& flow, std::uint64_t token) override {
    check_token(flow, token);
    expected_.erase(key_of(flow));
  }
  void let_go(const ExpectedFlow& flow, std::uint64_t token) override {
    check_token(flow, token);
    const Script script = network_.script_of(flow);
    asio::co_spawn(loop_, word(flow, token, script), asio::detached);
  }

  void expect_towards(const IpAddress& dip, std::uint64_t token) override {
    EXPECT_TRUE(towards_.emplace(token, dip).second) << "towards an address twice";
  }
  void let_go_towards(const IpAddress& dip, std::uint16_t sp, std::uint64_t token) override {
    const auto at = towards_.find(token);
    ASSERT_NE(at, towards_.end()) << "was not expected";
    EXPECT_EQ(at->second, dip);
    towards_.erase(at);
    if (sp == 0) return;
    ports_towards.push_back(sp);
    Script script;
    script.observed = sp != unseen_port;
    asio::co_spawn(loop_, word(token, script), asio::detached);
  }

  static constexpr std::uint16_t unseen_port = 9;  ///< nothing is observed of a flow from there
  std::function<void(std::vector<ObservedFlow>)> observed;
  std::size_t expected() const { return expected_.size() + towards_.size(); }
  std::vector<std::uint16_t> ports_towards;  ///< as they were told, in order

 private:
  using Key = std::pair<IpAddress, std::uint16_t>;
  static Key key_of(const ExpectedFlow& flow) { return {flow.dip, flow.sp}; }

  void check_token(const ExpectedFlow& flow, std::uint64_t token) const {
    const auto at = expected_.find(key_of(flow));
    ASSERT_NE(at, expected_.end()) << "was not expected";
    EXPECT_EQ(at->second, token);
  }
  asio::awaitable<void> word(ExpectedFlow flow, std::uint64_t token, Script script) {
    co_await turns(script.observer_turns);
    expected_.erase(key_of(flow));
    script.observer_turns = 0;
    co_await word(token, script);
  }
  asio::awaitable<void> word(std::uint64_t token, Script script) {
    co_await turns(script.observer_turns + 1);  // the engine has not heard of the end of the connection yet
    ObservedFlow one;
    one.token = token;
    if (script.observed) one.states = std::make_unique<std::uint8_t[]>(1);
    std::vector<ObservedFlow> flows;
    flows.push_back(std::move(one));
    observed(std::move(flows));
  }

  asio::io_context& loop_;
  FakeNetwork& network_;
  std::map<Key, std::uint64_t> expected_;
  std::map<std::uint64_t, IpAddress> towards_;
};

/// Lines from a list; between them `later`, as often as it is told.
class ListFeed final : public JobFeed {
 public:
  explicit ListFeed(std::vector<std::uint64_t> lines, int laters = 0)
      : lines_(lines.begin(), lines.end()), laters_(laters) {}
  State next(Job& job) override {
    EXPECT_FALSE(ended_) << "asked again after its end";
    if (laters_left_-- > 0) return State::later;
    laters_left_ = laters_;
    if (lines_.empty()) {
      ended_ = true;
      return State::ended;
    }
    job = job_of_line(lines_.front());
    lines_.pop_front();
    return State::job;
  }

 private:
  std::deque<std::uint64_t> lines_;
  const int laters_;
  int laters_left_ = laters_;
  bool ended_ = false;
};

/// Its connections are those of the engine.
class PlainMeasurement : public SynchronizedMeasurement {
 public:
  std::vector<Configuration> configurations() const override { return {}; }  // those of the plan count
  void combine(const MergedFlows&, Conditions&) const override {}
};

/// What there is to say about a job but for times and ports.
inline std::string text_of(const MergedJob& merged) {
  std::string text = fmt::format("{}:", merged.job.line);
  for (const JobConnection& one : merged.connections) {
    text += fmt::format(" {}{}{}({})", static_cast<int>(one.record.state), one.attempted ? 'a' : '-',
                        one.flow.states ? 'o' : '-', one.record.reason);
  }
  return text;
}

struct RunOptions {
  std::size_t configurations = 2;
  std::size_t workers = 10;
  std::size_t most_held = 1000;
  Interleave interleave = Interleave::together;
  std::uint64_t seed = 1;
  std::size_t attempts = 1;
  std::chrono::milliseconds timeout = EngineOptions().timeout;
  int laters = 0;
  HostEpochs* epochs = nullptr;
};

/// An engine with everything that it needs.
class EngineRun {
 public:
  EngineRun(const std::vector<std::uint64_t>& lines, ScriptOf script, const RunOptions& options = {},
            Measurement* measurement = nullptr)
      : network(std::move(script)),
        watch(loop, network),
        feed(lines, options.laters),
        engine(loop, plan_of(options, measurement), network, watch, feed,
               [this](MergedJob&& job) { on_result(job); }) {
    watch.observed = [this](std::vector<ObservedFlow> flows) {
      flow_words += flows.size();
      engine.observed(std::move(flows));
    };
    network.on_prepare = [this](const ConversationPlan& plan) {
      most_connecting = std::max(most_connecting, engine.connecting());
      most_held = std::max(most_held, engine.held());
      if (on_prepare) on_prepare(plan);
    };
  }

  /// To the end, which comes within a minute or never.
  void run() {
    start();
    loop.run_for(std::chrono::minutes(1));
    EXPECT_EQ(done, 1);
    EXPECT_EQ(engine.held(), 0u);
    EXPECT_EQ(engine.connecting(), 0u);
    EXPECT_EQ(*network.alive, 0u);
    EXPECT_EQ(network.ports.in_use(), 0u);
    EXPECT_EQ(watch.expected(), 0u);
    EXPECT_EQ(engine.counters().finished, engine.counters().taken);
    EXPECT_EQ(results.size(), engine.counters().taken);
  }
  void start() {
    engine.start([this] {
      ++done;
      loop.stop();
    });
  }
  std::vector<std::string> sorted() const {
    auto copy = results;
    std::ranges::sort(copy);
    return copy;
  }

  asio::io_context loop{1};
  FakeNetwork network;
  FakeWatch watch;
  ListFeed feed;
  PlainMeasurement plain;
  Engine engine;
  std::vector<std::string> results;
  std::size_t most_connecting = 0;
  std::size_t most_held = 0;
  std::size_t flow_words = 0;
  int done = 0;
  bool own_sockets = false;  ///< of the measurement, for which there are no leases
  std::function<void(const ConversationPlan&)> on_prepare;
  std::function<void(const MergedJob&)> on_job;

 private:
  void on_result(const MergedJob& job) {
    for (const JobConnection& one : job.connections) {
      if (!own_sockets) {
        EXPECT_EQ(one.lease.port() != 0, one.attempted) << "a lease is kept until the job is finished";
      }
      EXPECT_LE(one.record.start, one.record.stop);
    }
    results.push_back(text_of(job));
    if (on_job) on_job(job);
  }
  EnginePlan plan_of(const RunOptions& options, Measurement* measurement) {
    EnginePlan plan{.measurement = measurement != nullptr ? *measurement : plain,
                    .has_own_connect = measurement != nullptr,
                    .configurations = {},
                    .marks = {},
                    .epochs = options.epochs,
                    .options = {}};
    for (std::size_t i = 0; i < options.configurations; ++i) {
      plan.configurations.emplace_back(fmt::format("number {}", i));
      plan.marks.push_back(static_cast<std::uint32_t>(i));
    }
    plan.options.workers = options.workers;
    plan.options.most_held = options.most_held;
    plan.options.interleave = options.interleave;
    plan.options.seed = options.seed;
    plan.options.attempts = options.attempts;
    plan.options.timeout = options.timeout;
    return plan;
  }
};

inline std::vector<std::uint64_t> lines_up_to(std::uint64_t last) {
  std::vector<std::uint64_t> lines;
  for (std::uint64_t line = 1; line <= last; ++line) lines.push_back(line);
  return lines;
}

}  // namespace spiderling::testing
