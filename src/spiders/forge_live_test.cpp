// Forged packets through the real engine, over the loopback of a network namespace of the test's own.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "connect/socket_address.h"
#include "flows/test_observer.h"
#include "host/capabilities.h"
#include "host/namespaces.h"
#include "spiderling/builder.h"
#include "spiders/combiner.h"
#include "spiders/engine.h"
#include "spiders/system_network.h"

namespace spiderling {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::uint16_t echo_port = 7007;
constexpr std::uint16_t silent_port = 7008;
constexpr std::uint16_t closed_port = 7009;

/// UDP to an echo server, plain and with a zero checksum, over IPv4 with the reserved bit too.
class UdpEcho : public ForgeMeasurement {
 public:
  std::vector<Configuration> packets() const override {
    return {Configuration("right checksum"), Configuration("no checksum")};
  }
  IpProtocol protocol(ConnectMode) const override { return IpProtocol::udp; }
  std::uint16_t port(ConnectMode) const override { return echo_port; }
  std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const override {
    if (job.domain == "throws") throw std::runtime_error("no such domain");
    if (job.domain == "empty") return {};
    if (job.domain == "garbage") return std::vector<std::uint8_t>(60, 0x45);
    if (job.domain == "long") return std::vector<std::uint8_t>(100'000, 0x45);
    ForgedEnds used = ends;
    if (job.domain == "spoofed") used.sip.bytes[3] ^= 2;
    if (job.domain == "elsewhere") used.dp = 53;
    PacketBuffer<200> packet;
    if (ends.dip.version == IpVersion::v4) {
      packet.ip4({.source = used.sip, .destination = used.dip, .reserved_flag = seq == 1});
    } else {
      packet.ip6({.source = used.sip, .destination = used.dip});
    }
    // A zero checksum is dropped by a receiver of IPv6: there both are right.
    const bool no_checksum = seq == 1 && ends.dip.version == IpVersion::v4;
    packet
        .udp({.source_port = used.sp,
              .destination_port = used.dp,
              .checksum = no_checksum ? std::optional<std::uint16_t>(0) : std::nullopt})
        .payload("are you there?");
    const auto bytes = packet.finish();
    if (!bytes) throw std::runtime_error(describe(bytes.error()));
    return {bytes->begin(), bytes->end()};
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const auto answered = [&](const MergedFlow& flow) {
      const auto octets = flow[octets_rev_];
      return octets.seen && octets.value > 0;
    };
    conditions.connectivity("echo", answered(flows[0]), answered(flows[1]));
  }

 private:
  FlowField<std::uint64_t> octets_rev_{flow_fields_, "trail_octets_rev"};
};

/// Sends back what it gets, or nothing.
class UdpServer {
 public:
  UdpServer(const char* address, std::uint16_t port, bool echoes) {
    const IpAddress local = *IpAddress::parse(address);
    socket_ = FileDescriptor(::socket(socket_family(local.version), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const SocketAddress name(local, port);
    EXPECT_EQ(::bind(socket_.get(), name.get(), name.size()), 0) << std::strerror(errno);
    const timeval turn{0, 20'000};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &turn, sizeof turn);
    if (echoes) thread_ = std::thread([this] { echo(); });
  }
  ~UdpServer() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void echo() {
    char room[2000];
    while (!stopping_) {
      SocketAddress from;
      const ssize_t got = ::recvfrom(socket_.get(), room, sizeof room, 0, from.room(), from.room_size());
      if (got > 0) ::sendto(socket_.get(), room, static_cast<std::size_t>(got), 0, from.get(), from.size());
    }
  }
  FileDescriptor socket_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
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

struct Result {
  std::vector<ConnectionRecord> records;
  std::vector<Trail::State> trails;  // of the flows that were observed
  std::size_t missed = 0;
  std::vector<std::string> conditions;
};

std::uint32_t packets(const Trail::State& trail, Direction direction) {
  return trail.calls[Trail::udp_hook][direction];
}

/// All that `spiderling measure` has, in its order of birth and death. Results by line of the job.
std::map<std::uint64_t, Result> measured(std::vector<Job> jobs, std::chrono::milliseconds timeout) {
  std::map<std::uint64_t, Result> results;
  const ChainSet chains = chain_set<Trail>();
  UdpEcho measurement;
  EXPECT_TRUE(bind_flow_fields(measurement, chains));
  auto source = Source::open("live:lo", {});
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return results;
  }
  asio::io_context io(1);
  SystemNetwork network(*ConnectContext::make(io, {}));
  FromList feed(std::move(jobs));
  Engine* running = nullptr;
  FlowWatch* watching = nullptr;
  FlowWatch watch(**source, chains, {.linger = 200ms, .tells_answers = true},
                  [&] { asio::post(io, [&] { running->observed(watching->take()); }); });
  EnginePlan plan{.measurement = measurement,
                  .has_own_connect = false,
                  .configurations = measurement.runs(),
                  .marks = {0, 0},
                  .epochs = nullptr,
                  .options = {.timeout = timeout, .mode = ConnectMode::tcp}};
  Engine engine(io, plan, network, watch, feed, [&](MergedJob&& job) {
    Result& result = results[job.job.line];
    for (const Condition& one : combine(measurement, job)) result.conditions.push_back(one.to_string());
    result.missed = job.missed_flows();
    for (JobConnection& one : job.connections) {
      result.records.push_back(one.record);
      if (one.flow.states == nullptr) continue;
      std::memcpy(static_cast<void*>(&result.trails.emplace_back()), one.flow.states.get(),
                  sizeof(Trail::State));
    }
  });
  running = &engine;
  watching = &watch;
  watch.start();
  bool done = false;
  engine.start([&] {
    done = true;
    io.stop();
  });
  asio::steady_timer never(io, 1h);  // the loop has work while only the observer has
  never.async_wait([](boost::system::error_code) {});
  io.run_for(2min);
  EXPECT_TRUE(done) << "a wait did not end";
  watch.stop();
  return results;
}

Job job_to(std::uint64_t line, const char* address, std::optional<std::uint16_t> port,
           const char* domain = "") {
  Job job;
  job.dip = *IpAddress::parse(address);
  job.dp = port;
  job.domain = domain;
  job.line = line;
  return job;
}

class ForgeLive : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_capability(Capability::sys_admin) || !has_capability(Capability::net_raw))
      GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover forged packets";
  }
  template <class Body>
  void in_namespace(Body&& body) {
    std::thread([&] {
      const auto made = NetworkNamespace::make();
      ASSERT_TRUE(made) << made.error().message;
      ASSERT_TRUE(made->enter());
      body();
    }).join();
  }
};

// The timeout is longer than the test may take.
TEST_F(ForgeLive, AnAnswerEndsTheWait) {
  in_namespace([] {
    UdpServer v4("127.0.0.1", echo_port, true), v6("::1", echo_port, true);
    std::vector<Job> jobs;
    for (std::uint64_t line = 1; line <= 50; ++line) {
      jobs.push_back(job_to(line, line % 2 == 0 ? "127.0.0.1" : "::1", std::nullopt));
    }
    const auto results = measured(std::move(jobs), 30min);
    ASSERT_EQ(results.size(), 50u);
    for (const auto& [line, result] : results) {
      EXPECT_EQ(result.conditions, std::vector<std::string>{"echo.connectivity.works"}) << line;
      ASSERT_EQ(result.trails.size(), 2u) << line;
      for (const Trail::State& trail : result.trails) {
        EXPECT_EQ(packets(trail, Direction::forward), 1u) << line;
        EXPECT_EQ(packets(trail, Direction::reverse), 1u) << line;
        EXPECT_EQ(trail.destination_port, echo_port);
      }
      for (const ConnectionRecord& record : result.records) {
        EXPECT_TRUE(record.ok()) << record.reason;
        EXPECT_NE(record.sp, 0);
      }
      EXPECT_NE(result.records[0].sp, result.records[1].sp);
    }
  });
}

TEST_F(ForgeLive, AnIcmpErrorIsAnAnswerToo) {
  in_namespace([] {
    const auto results =
        measured({job_to(1, "127.0.0.1", closed_port), job_to(2, "::1", closed_port)}, 30min);
    ASSERT_EQ(results.size(), 2u);
    for (const auto& [line, result] : results) {
      ASSERT_EQ(result.trails.size(), 2u);
      for (const Trail::State& trail : result.trails) {
        EXPECT_EQ(trail.calls[Trail::icmp_hook].rev, 1u) << line;
      }
      EXPECT_TRUE(result.records[0].ok()) << "it was sent";
    }
  });
}

TEST_F(ForgeLive, SilenceLastsUntilTheTimeout) {
  in_namespace([] {
    UdpServer silent("127.0.0.1", silent_port, false);
    const auto results = measured({job_to(1, "127.0.0.1", silent_port)}, 100ms);
    ASSERT_EQ(results.size(), 1u);
    const Result& result = results.at(1);
    EXPECT_EQ(result.conditions, std::vector<std::string>{"echo.connectivity.offline"});
    ASSERT_EQ(result.trails.size(), 2u);
    for (const Trail::State& trail : result.trails) {
      EXPECT_EQ(packets(trail, Direction::forward), 1u);
      EXPECT_EQ(packets(trail, Direction::reverse), 0u);
    }
    for (const ConnectionRecord& record : result.records) {
      EXPECT_TRUE(record.ok()) << "it was sent";
      EXPECT_GE(record.stop - record.start, 90ms);
    }
  });
}

TEST_F(ForgeLive, WhatIsNotItsOwnToSendIsDiscardedAndNothingLeaves) {
  in_namespace([] {
    UdpServer v4("127.0.0.1", echo_port, true), v6("::1", echo_port, true);
    const std::map<std::string, std::string> reasons{
        {"throws", "the measurement failed: no such domain"},
        {"empty", "it is empty"},
        {"garbage", "states a length of 17733, the packet has 60"},
        {"long", "it has 100000 bytes"},
        {"spoofed", "is not our address"},
        {"elsewhere", "are not the reserved"},
    };
    std::vector<Job> jobs;
    std::uint64_t line = 0;
    for (const auto& [domain, reason] : reasons) {
      jobs.push_back(job_to(++line, "127.0.0.1", echo_port, domain.c_str()));
    }
    const auto results = measured(std::move(jobs), 30min);
    ASSERT_EQ(results.size(), reasons.size());
    line = 0;
    for (const auto& [domain, reason] : reasons) {
      const Result& result = results.at(++line);
      for (const ConnectionRecord& record : result.records) {
        EXPECT_EQ(record.state, ConnectionState::discard) << domain;
        EXPECT_NE(record.reason.find(reason), std::string::npos) << record.reason;
      }
      EXPECT_EQ(result.missed, 0u) << domain << ": no flow was expected";
      EXPECT_TRUE(result.trails.empty()) << domain;
      EXPECT_EQ(result.conditions, std::vector<std::string>{"pathspider.skipped"});
    }
  });
}

TEST_F(ForgeLive, WithoutAnAddressOrARouteItIsSkipped) {
  in_namespace([] {
    Job nowhere;
    nowhere.line = 2;
    const auto results = measured({job_to(1, "192.0.2.1", echo_port), nowhere}, 30min);
    ASSERT_EQ(results.size(), 2u);
    for (const auto& [line, result] : results) {
      for (const ConnectionRecord& record : result.records)
        EXPECT_EQ(record.state, ConnectionState::skipped) << line << record.reason;
    }
  });
}

}  // namespace
}  // namespace spiderling
