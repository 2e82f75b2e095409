#include "kitchen/hub_delivery.h"

#include <thread>

namespace spiderling {

namespace {

using namespace std::chrono_literals;

std::int64_t in_ms(std::chrono::milliseconds time) { return time.count(); }

}  // namespace

HubDelivery::HubDelivery(HubDeliveryOptions options)
    : options_(std::move(options)),
      uri_(options_.client.endpoint.uri()),
      client_(options_.client, ReconnectOptions{},
              ReconnectHandlers{
                  .on_open =
                      [this] {
                        ever_connected_ = true;
                        last_problem_.clear();
                        log::info("connected to the hub", {{"hub", uri_}});
                      },
                  .on_message = {},
                  .on_lost = [this](std::uint16_t code, const std::string& why,
                                    std::chrono::milliseconds next_try) { say_lost(code, why, next_try); },
                  .on_failed = [this](const std::string& problem,
                                      std::chrono::milliseconds next_try) { say_failed(problem, next_try); },
                  .on_tick = {}}) {
  client_.start();
}

HubDelivery::~HubDelivery() = default;

bool HubDelivery::put(std::string_view lines, std::size_t count) {
  put_.fetch_add(count, std::memory_order_relaxed);
  while (true) {
    lines = client_.send_lines(lines);
    if (lines.empty()) return true;
    if (!room_came()) lines = drop_first(lines);
  }
}

std::string_view HubDelivery::drop_first(std::string_view lines) {
  const std::uint64_t dropped = dropped_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (full_log_.allow(std::chrono::steady_clock::now())) {
    log::warning("the buffer for the hub is full; dumplings are dropped",
                 {{"hub", uri_}, {"dropped", dropped}});
  }
  return lines.substr(std::min(lines.find('\n'), lines.size() - 1) + 1);
}

bool HubDelivery::room_came() {
  if (!options_.wait_for_room || !options_.wait_for_room()) return false;
  std::this_thread::sleep_for(1ms);
  return true;
}

void HubDelivery::finish(std::chrono::milliseconds deadline) {
  const std::uint64_t waiting = client_.counters().waiting;
  if (waiting > 0 && !client_.connected()) {
    log::info("waiting for the hub, to deliver what is left",
              {{"hub", uri_}, {"dumplings", waiting}, {"at_most_ms", in_ms(deadline)}});
  }
  client_.flush(deadline);
  client_.stop();
}

void HubDelivery::say_lost(std::uint16_t code, const std::string& why, std::chrono::milliseconds next_try) {
  log::warning("lost the connection to the hub", {{"hub", uri_},
                                                  {"code", code},
                                                  {"why", why},
                                                  {"waiting", client_.counters().waiting},
                                                  {"next_try_ms", in_ms(next_try)}});
}

// Said when the reason is a new one, and now and then.
void HubDelivery::say_failed(const std::string& problem, std::chrono::milliseconds next_try) {
  const bool allowed = failed_log_.allow(std::chrono::steady_clock::now());
  if (!allowed && problem == last_problem_) return;
  last_problem_ = problem;
  log::warning("cannot reach the hub",
               {{"hub", uri_}, {"problem", problem}, {"next_try_ms", in_ms(next_try)}});
}

HubDeliveryCounters HubDelivery::counters() const {
  const OutgoingCounters queue = client_.counters();
  HubDeliveryCounters counters;
  counters.put = put_.load(std::memory_order_relaxed);
  counters.delivered = queue.confirmed;
  counters.dropped = dropped_.load(std::memory_order_relaxed) + queue.lost;
  counters.undelivered = queue.waiting;
  counters.sent_again = queue.sent_again;
  counters.ever_connected = ever_connected_.load(std::memory_order_relaxed);
  return counters;
}

}  // namespace spiderling
