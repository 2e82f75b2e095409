#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "websocket/reconnecting_client.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto deadline = 60s;

template <class Condition>
bool wait_for(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

HubOptions any_ports() {
  HubOptions options;
  options.in_port = options.out_port = 0;
  options.status_freq = 50ms;
  return options;
}

std::string problem_of(const HubOptions& options) {
  const auto hub = Hub::open(options);
  return hub ? std::string() : hub.error().message;
}

class RunningHub {
 public:
  RunningHub() {
    log::configure(log::Level::off, log::Format::text);
    auto opened = Hub::open(any_ports());
    if (!opened) throw std::runtime_error(opened.error().message);
    hub_ = std::move(*opened);
    thread_ = std::thread([this] { hub_->run(); });
  }
  ~RunningHub() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    hub_->stop();
    thread_.join();
    log::configure(log::Level::info, log::Format::text);
  }
  ClientOptions client(std::uint16_t port, std::string hello) const {
    ClientOptions options;
    options.endpoint = {"127.0.0.1", port, false};
    options.hello = std::move(hello);
    return options;
  }
  ClientOptions kitchen() const { return client(hub_->in_port(), R"({"kitchen_name":"k"})"); }
  ClientOptions eater() const { return client(hub_->out_port(), R"({"eater_name":"e"})"); }

 private:
  std::unique_ptr<Hub> hub_;
  std::thread thread_;
};

std::string dumpling(int number) {
  return fmt::format(
      R"({{"metadata":{{"chef":"C","kitchen":"k","creation_time":1,"driver":"packet"}},"payload":{}}})",
      number);
}

TEST(Hub, FromAKitchenToAnEater) {
  RunningHub hub;
  std::mutex mutex;
  std::vector<std::string> received;
  std::atomic<int> status{0};
  std::atomic<std::size_t> count{0};
  ReconnectHandlers handlers;
  handlers.on_message = [&](std::string_view message) {
    if (message.find("SystemStatusChef") != std::string_view::npos) {
      ++status;
      return;
    }
    const std::lock_guard lock(mutex);
    received.emplace_back(message);
    ++count;
  };
  ReconnectingClient eater(hub.eater(), {}, handlers);
  eater.start();
  ASSERT_TRUE(wait_for([&] { return status > 0; })) << "the hub knows the eater";
  ReconnectingClient kitchen(hub.kitchen(), {}, {});
  kitchen.start();
  constexpr int sent = 2000;
  for (int i = 0; i < sent; ++i) ASSERT_TRUE(kitchen.send(dumpling(i)));
  EXPECT_TRUE(kitchen.flush(deadline));
  EXPECT_EQ(kitchen.counters().confirmed, static_cast<std::uint64_t>(sent));
  ASSERT_TRUE(wait_for([&] { return count == sent; }));
  kitchen.stop();
  eater.stop();
  for (int i = 0; i < sent; ++i) EXPECT_EQ(received[static_cast<std::size_t>(i)], dumpling(i));
}

TEST(Hub, StopClosesWith4101) {
  RunningHub hub;
  std::atomic<int> code{0};
  std::atomic<bool> open{false};
  ReconnectHandlers handlers;
  handlers.on_open = [&] { open = true; };
  handlers.on_lost = [&](std::uint16_t with, const std::string&, std::chrono::milliseconds) { code = with; };
  ReconnectingClient eater(hub.eater(), {}, handlers);
  eater.start();
  ASSERT_TRUE(wait_for([&] { return open.load(); }));
  hub.stop();
  EXPECT_TRUE(wait_for([&] { return code != 0; }));
  EXPECT_EQ(code, close_code::connection_cancelled);
  eater.stop();
}

TEST(Hub, StopsWhenItIsAskedTo) {
  log::configure(log::Level::off, log::Format::text);
  auto hub = Hub::open(any_ports());
  ASSERT_TRUE(hub) << hub.error().message;
  int asked = 0;
  (*hub)->run([&] { return ++asked > 2; });
  EXPECT_EQ(asked, 3);
  log::configure(log::Level::info, log::Format::text);
}

TEST(Hub, WhatCannotBe) {
  HubOptions options = any_ports();
  options.address = "0.0.0.0";
  EXPECT_THAT(problem_of(options), HasSubstr("--token-file"));
  options.insecure = true;
  EXPECT_EQ(problem_of(options), "");
  options = any_ports();
  options.address = "192.0.2.1";
  options.token = "0123456789abcdef";
  EXPECT_THAT(problem_of(options), HasSubstr("cannot listen on 192.0.2.1"));
  options = any_ports();
  options.tls_cert = "/nonexistent";
  EXPECT_THAT(problem_of(options), HasSubstr("both"));
  options.tls_key = "/nonexistent";
  EXPECT_THAT(problem_of(options), HasSubstr("certificate"));
  options = any_ports();
  options.max_message_bytes = 1 << 30;
  EXPECT_THAT(problem_of(options), HasSubstr("cannot hold"));
}

TEST(Hub, PortInUse) {
  const auto first = Hub::open(any_ports());
  ASSERT_TRUE(first) << first.error().message;
  HubOptions options = any_ports();
  options.out_port = (*first)->out_port();
  EXPECT_THAT(problem_of(options), HasSubstr("in use"));
}

}  // namespace
}  // namespace spiderling
