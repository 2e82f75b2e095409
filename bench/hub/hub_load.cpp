// One sender, many receivers, one server between them: how many messages come through, and how long they
// take.
//
//   hub_load --protocol ws|mqtt|nats --port PORT --receivers N --seconds S [--rate R] [--window W] [--stuck
//   N] [--idle]
//
// Without --rate it sends as fast as the slowest receiver gets: never more than a window of messages ahead of
// it, so that nothing is dropped and what is measured is what all have received. Prints one line of JSON.
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "hub/protocol.h"
#include "hub/receivers.h"

namespace {

using namespace hub_bench;
using namespace std::chrono_literals;

struct Options {
  std::string protocol = "ws";
  std::uint16_t port = 0;
  unsigned receivers = 1;
  unsigned stuck = 0;
  double seconds = 3;
  double warm_up = 0.5;
  double rate = 0;
  std::uint64_t window = 20'000;
  bool idle = false;
};

// So many bytes to a write at the most when sending at full speed; servers read no more at once.
constexpr std::size_t batch_bytes = 64 << 10;
constexpr auto no_progress = 5s;

class Sender {
 public:
  Sender(Protocol& protocol, const Options& options)
      : protocol_(protocol), socket_(protocol.connect_sender(options.port)) {}

  void send(std::uint64_t count) {
    batch_.clear();
    put_time(message_.data(), now_ns());
    for (std::uint64_t i = 0; i < count; ++i) protocol_.encode(batch_, message_);
    send_all(socket_, batch_);
    sent_ += count;
  }
  std::uint64_t sent() const { return sent_; }

 private:
  Protocol& protocol_;
  int socket_;
  std::string message_ = make_message();
  std::string batch_;
  std::uint64_t sent_ = 0;
};

// At full speed: behind the slowest receiver by a window at most. False: nothing moves any more.
bool send_next(Sender& sender, const Receivers& receivers, const Options& options) {
  const std::uint64_t batch = batch_bytes / message_bytes;
  const auto began = std::chrono::steady_clock::now();
  while (sender.sent() + batch > receivers.fewest() + options.window) {
    if (receivers.closed() || std::chrono::steady_clock::now() - began > no_progress) return false;
    std::this_thread::sleep_for(20us);
  }
  sender.send(batch);
  return true;
}

// At a rate: what is due by now, looked at several thousand times a second.
void send_due(Sender& sender, std::chrono::steady_clock::time_point began, const Options& options) {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  const auto due = static_cast<std::uint64_t>(passed.count() * options.rate);
  if (due > sender.sent())
    sender.send(std::min<std::uint64_t>(due - sender.sent(), batch_bytes / message_bytes));
  else
    std::this_thread::sleep_for(100us);
}

struct Result {
  double seconds = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  bool whole = true;
};

Result send_for(Sender& sender, Receivers& receivers, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto measure_from =
      began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.warm_up));
  const auto end = measure_from + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(options.seconds));
  Result result;
  std::uint64_t received_before = 0;
  std::uint64_t sent_before = 0;
  auto measured_from = began;
  bool measuring = false;
  for (auto now = began; now < end && !receivers.closed(); now = Clock::now()) {
    if (!measuring && now >= measure_from) {
      measuring = true;
      received_before = receivers.messages();
      sent_before = sender.sent();
      measured_from = now;
      receivers.measure();
    }
    if (options.rate > 0) {
      send_due(sender, began, options);
    } else if (!send_next(sender, receivers, options)) {
      result.whole = false;
      break;
    }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - measured_from).count();
  result.sent = sender.sent() - sent_before;
  result.received = receivers.messages() - received_before;
  return result;
}

// What is still on its way is waited for, so that what is missing is lost.
std::uint64_t wait_for_rest(const Sender& sender, const Receivers& receivers, unsigned count) {
  const std::uint64_t wanted = sender.sent() * count;
  auto last_progress = std::chrono::steady_clock::now();
  std::uint64_t seen = receivers.messages();
  while (seen < wanted && !receivers.closed() && std::chrono::steady_clock::now() - last_progress < 1s) {
    std::this_thread::sleep_for(5ms);
    const std::uint64_t now = receivers.messages();
    if (now != seen) last_progress = std::chrono::steady_clock::now();
    seen = now;
  }
  return wanted - std::min(wanted, seen);
}

int run(const Options& options) {
  const auto protocol = Protocol::make(options.protocol);
  if (!protocol) throw std::runtime_error("--protocol: ws, mqtt or nats");
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> sockets;
  for (unsigned i = 0; i < options.receivers; ++i)
    sockets.push_back(protocol->connect_receiver(options.port, i));
  for (unsigned i = 0; i < options.stuck; ++i)
    protocol->connect_receiver(options.port, 100'000 + i);  // never read
  if (options.idle) {
    fmt::print("{{\"connected\":{}}}\n", sockets.size());
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    return 0;
  }
  Receivers receivers(*protocol, std::move(sockets));
  std::this_thread::sleep_for(200ms);  // hellos and subscriptions have arrived
  Sender sender(*protocol, options);
  std::jthread thread([&](const std::stop_token&) { receivers.run(); });
  struct Stop {
    Receivers& receivers;
    ~Stop() { receivers.stop(); }
  } const stop_when_it_fails{receivers};
  const Result result = send_for(sender, receivers, options);
  const std::uint64_t lost = wait_for_rest(sender, receivers, options.receivers);
  if (receivers.closed()) throw std::runtime_error("the server closed a connection");
  receivers.stop();
  thread.join();
  const Latencies& latencies = receivers.latencies();
  fmt::print(
      "{{\"messages_per_s\":{:.0f},\"deliveries_per_s\":{:.0f},\"lost\":{},\"p50_us\":{:.1f},\"p99_us\":{:."
      "1f},"
      "\"whole\":{}}}\n",
      static_cast<double>(result.sent) / result.seconds,
      static_cast<double>(result.received) / result.seconds, lost,
      static_cast<double>(latencies.quantile(0.5)) / 1e3, static_cast<double>(latencies.quantile(0.99)) / 1e3,
      result.whole);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App cli("One sender, many receivers, one server between them.");
  cli.add_option("--protocol", options.protocol);
  cli.add_option("--port", options.port, "The server's; of a hub the kitchens', and the next is the eaters'")
      ->required();
  cli.add_option("--receivers", options.receivers);
  cli.add_option("--stuck", options.stuck, "Receivers more, which never read");
  cli.add_option("--seconds", options.seconds);
  cli.add_option("--warm-up", options.warm_up);
  cli.add_option("--rate", options.rate, "Messages a second (0: as many as come through)");
  cli.add_option("--window", options.window, "Messages that the slowest receiver may be behind");
  cli.add_flag("--idle", options.idle, "Only connect");
  CLI11_PARSE(cli, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "hub_load: {}\n", problem.what());
    return 1;
  }
}
