#include "spiders/system_network.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <map>

#include "spiders/engine.h"

namespace spiderling {
namespace {

/// Says of every connection, once it was let go, that nothing was seen of it.
class NothingSeen final : public FlowExpectations {
 public:
  explicit NothingSeen(asio::io_context& loop) : loop_(loop) {}
  void expect(const ExpectedFlow& flow, std::uint64_t token) override {
    EXPECT_NE(flow.sp, 0);
    EXPECT_EQ(flow.sip.to_string(), "127.0.0.1");
    expected[token] = flow;
  }
  void forget(const ExpectedFlow&, std::uint64_t token) override { expected.erase(token); }
  void let_go(const ExpectedFlow&, std::uint64_t token) override {
    asio::post(loop_, [this, token] {
      ObservedFlow flow;
      flow.token = token;
      std::vector<ObservedFlow> flows;
      flows.push_back(std::move(flow));
      engine->observed(std::move(flows));
    });
  }
  void expect_towards(const IpAddress&, std::uint64_t) override {}
  void let_go_towards(const IpAddress&, std::uint16_t, std::uint64_t) override {}
  Engine* engine = nullptr;
  std::map<std::uint64_t, ExpectedFlow> expected;

 private:
  asio::io_context& loop_;
};

class FromList final : public JobFeed {
 public:
  explicit FromList(std::vector<Job> jobs) : jobs_(std::move(jobs)) {}
  State next(Job& job) override {
    if (jobs_.empty()) return State::ended;
    job = std::move(jobs_.back());
    jobs_.pop_back();
    return State::job;
  }

 private:
  std::vector<Job> jobs_;
};

class Plain : public SynchronizedMeasurement {
 public:
  explicit Plain(bool posts = false) : posts_(posts) {}
  std::vector<Configuration> configurations() const override {
    return {Configuration("one"), Configuration("two")};
  }
  Task<ConnectionRecord> connect(Worker& worker) override {
    if (!posts_) co_return co_await worker.connect();
    ConnectionRecord record = co_await worker.tcp_connect();
    std::string answer = co_await worker.receive(10);
    record.add("answer", std::move(answer));
    co_return record;
  }
  void combine(const MergedFlows&, Conditions&) const override {}

 private:
  const bool posts_;
};

/// An engine over real sockets, made and destroyed in the order of `spiderling measure`: the loop is the last
/// to go.
struct SocketRun {
  SocketRun(asio::io_context& io, Measurement& measurement, std::vector<Job> jobs, bool has_own_connect)
      : network(*ConnectContext::make(io, {})),
        watch(io),
        feed(std::move(jobs)),
        engine(io,
               {.measurement = measurement,
                .has_own_connect = has_own_connect,
                .configurations = measurement.runs(),
                .marks = {0, 0},
                .options = {.timeout = std::chrono::seconds(30), .mode = ConnectMode::http}},
               network, watch, feed, [this](MergedJob&& job) { results.push_back(std::move(job)); }) {
    watch.engine = &engine;
  }
  SystemNetwork network;
  NothingSeen watch;
  FromList feed;
  std::vector<MergedJob> results;
  Engine engine;
};

Job job_to(std::uint16_t port) {
  Job job;
  job.dip = *IpAddress::parse("127.0.0.1");
  job.dp = port;
  return job;
}

// The kernel accepts for it; nobody ever answers.
class SilentServer {
 public:
  explicit SilentServer(asio::io_context& io) : acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void close() { acceptor_.close(); }

 private:
  asio::ip::tcp::acceptor acceptor_;
};

TEST(SystemNetwork, WithoutAnAddressNothingIsTried) {
  asio::io_context io(1);
  Plain measurement;
  SocketRun run(io, measurement, {Job()}, false);
  run.engine.start([&] { io.stop(); });
  io.run_for(std::chrono::minutes(1));
  ASSERT_EQ(run.results.size(), 1u);
  EXPECT_EQ(run.results[0].connections[0].record.state, ConnectionState::skipped);
  EXPECT_EQ(run.results[0].connections[1].record.reason, "the job names no address");
  EXPECT_TRUE(run.watch.expected.empty());
}

TEST(SystemNetwork, ARefusalIsAFailureWithItsFlowExpected) {
  asio::io_context io(1);
  SilentServer server(io);
  const std::uint16_t port = server.port();
  server.close();
  for (const bool own : {false, true}) {
    io.restart();
    Plain measurement(own);
    SocketRun run(io, measurement, {job_to(port), job_to(port), job_to(port)}, own);
    run.engine.start([&] { io.stop(); });
    io.run_for(std::chrono::minutes(1));
    ASSERT_EQ(run.results.size(), 3u);
    for (const MergedJob& job : run.results) {
      EXPECT_EQ(job.connections[0].record.state, ConnectionState::failed);
      EXPECT_EQ(job.missed_flows(), 2u);
    }
    EXPECT_EQ(run.watch.expected.size(), 6u);
  }
}

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

// As after a second SIGINT.
TEST(SystemNetwork, LeavesNothingBehindWhenTheLoopIsStopped) {
  asio::io_context servers(1);
  SilentServer server(servers);
  for (const bool own : {false, true}) {
    Plain measurement(own);
    const auto files_before = open_files();
    auto io = std::make_unique<asio::io_context>(1);
    {
      SocketRun run(*io, measurement, {job_to(server.port()), job_to(server.port())}, own);
      run.engine.start([] { ADD_FAILURE() << "nobody answers"; });
      while (run.watch.expected.size() < 4) io->run_one();
      io->run_for(std::chrono::milliseconds(20));  // most stand by then; stopping is right at any moment
      EXPECT_EQ(run.engine.connecting(), 2u);
      EXPECT_TRUE(run.results.empty());
    }
    EXPECT_GE(open_files(), files_before + 4);
    io.reset();
    EXPECT_EQ(open_files(), files_before);
  }
}

}  // namespace
}  // namespace spiderling
