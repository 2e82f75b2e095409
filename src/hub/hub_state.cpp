#include "hub/hub_state.h"

#include <algorithm>
#include <utility>

#include "hub/connection.h"
#include "hub/status.h"

namespace spiderling {

std::string_view name_of(Rejection why) {
  switch (why) {
    case Rejection::tls: return "tls";
    case Rejection::not_http: return "not_http";
    case Rejection::no_token: return "no_token";
    case Rejection::origin: return "origin";
    case Rejection::full: return "full";
    case Rejection::no_hello: return "no_hello";
    case Rejection::bad_hello: return "bad_hello";
    case Rejection::crowded_out: return "crowded_out";
    case Rejection::last_: break;
  }
  return "";
}

void HubState::add(const std::shared_ptr<Connection>& connection) {
  while (waiting_ >= options.max_waiting && !waiting_order_.empty()) {
    const auto oldest = waiting_order_.front().lock();
    waiting_order_.pop_front();
    if (!oldest || !oldest->waiting()) continue;
    reject(Rejection::crowded_out, *oldest, "");
    oldest->abort();
  }
  // Those that have said hello, or are gone, are still in the list: it is swept before it grows.
  if (waiting_order_.size() > 2 * options.max_waiting + 16) {
    std::erase_if(waiting_order_, [](const std::weak_ptr<Connection>& one) {
      const auto alive = one.lock();
      return !alive || !alive->waiting();
    });
  }
  ++waiting_;
  waiting_order_.push_back(connection);
  connections_.push_back(connection);
}

void HubState::sweep() {
  if (!sweep_wanted_) return;
  sweep_wanted_ = false;
  const auto is_gone = [](const Connection* connection) { return !connection->open(); };
  std::erase_if(kitchens_, is_gone);
  std::erase_if(eaters_, is_gone);
  std::erase_if(connections_,
                [](const std::shared_ptr<Connection>& connection) { return connection->gone(); });
}

// Posted, not called: when several kitchens have sent at once, all that they sent goes out in one write to
// each eater.
void HubState::schedule_flush(std::shared_ptr<Connection> then) {
  if (then) after_flush_.push_back(std::move(then));
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  asio::post(context, [this] { flush(); });
}

void HubState::flush() {
  flush_scheduled_ = false;
  std::uint64_t oldest = log.last_block();
  for (Connection* eater : eaters_) {
    eater->pump();
    eater->keep_within_limits();
    if (const auto* queue = eater->queue()) oldest = std::min(oldest, queue->oldest_block());
  }
  log.release_before(oldest);
  for (const auto& connection : std::exchange(after_flush_, {})) connection->pump();
  sweep();
}

void HubState::send_status() {
  if (eaters_.empty()) return;
  FrameTags tags;
  tags.chef = names.find(status_chef);
  tags.interval = 1;
  log.append(status_dumpling(*this), tags);
  schedule_flush();
}

void HubState::reject(Rejection why, const Connection& connection, std::string_view detail) {
  ++counters.rejected[static_cast<std::size_t>(why)];
  if (!rejected_log.allow(SteadyClock::now())) return;
  log::warning("connection rejected", {{"why", name_of(why)},
                                       {"detail", detail},
                                       {"on_port", name_of(connection.port())},
                                       {"host", connection.host()},
                                       {"port", connection.remote_port()},
                                       {"not_logged", rejected_log.suppressed()}});
}

std::uint64_t HubState::dumplings_out() const {
  std::uint64_t sum = counters.sent_before;
  for (const Connection* eater : eaters_) {
    if (const auto* queue = eater->queue()) sum += queue->sent();
  }
  return sum;
}

std::uint64_t HubState::dumplings_dropped() const {
  std::uint64_t sum = counters.dropped_before;
  for (const Connection* eater : eaters_) {
    if (const auto* queue = eater->queue()) sum += queue->dropped();
  }
  return sum;
}

}  // namespace spiderling
