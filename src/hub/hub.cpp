#include "hub/hub.h"

#include <sys/resource.h>

#include <algorithm>

#include "hub/connection.h"
#include "hub/hub_state.h"
#include "hub/listener.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

constexpr auto tick_every = 100ms;
constexpr auto longest_stop = 1s;

// Thousands of eaters need as many descriptors; the soft limit is usually 1024.
void permit_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> check_safety(const HubOptions& options, const std::vector<asio::ip::address>& addresses) {
  const bool only_here = std::all_of(addresses.begin(), addresses.end(),
                                     [](const asio::ip::address& one) { return one.is_loopback(); });
  if (only_here || options.insecure || !options.token.empty()) return {};
  return error("{} can be reached from other machines: give a token (--token-file), or --insecure for none",
               options.address);
}

}  // namespace

struct Hub::Impl {
  explicit Impl(const HubOptions& options)
      : state(options),
        kitchens(state, HubPort::kitchens),
        eaters(state, HubPort::eaters),
        timer(state.context) {}

  Result<void> open();
  void tick();
  void begin_stop();

  HubState state;
  Listener kitchens;
  Listener eaters;
  asio::steady_timer timer;
  std::function<bool()> stop_requested;
  SteadyClock::time_point next_status{};
  SteadyClock::time_point stop_began{};
};

Result<void> Hub::Impl::open() {
  const HubOptions& options = state.options;
  if (options.eater_queue.bytes < options.max_message_bytes + 16) {
    return error("an eater's queue of {} bytes cannot hold a dumpling of {}", options.eater_queue.bytes,
                 options.max_message_bytes);
  }
  permit_many_descriptors();
  const auto addresses = resolve(state.context, options.address);
  if (!addresses) return tl::unexpected(addresses.error());
  if (const auto safe = check_safety(options, *addresses); !safe) return safe;
  if (const auto loaded = load_tls(state); !loaded) return loaded;
  const auto in_port = kitchens.listen(*addresses, options.in_port);
  if (!in_port) return tl::unexpected(in_port.error());
  const auto out_port = eaters.listen(*addresses, options.out_port);
  if (!out_port) return tl::unexpected(out_port.error());
  state.in_port = *in_port;
  state.out_port = *out_port;
  return {};
}

void Hub::Impl::tick() {
  const auto now = SteadyClock::now();
  if (!state.stopping && stop_requested && stop_requested()) begin_stop();
  for (std::size_t i = 0; i < state.connections().size(); ++i) state.connections()[i]->tick(now);
  state.sweep();
  if (!state.stopping && now >= next_status) {
    next_status = std::max(next_status + state.options.status_freq, now);
    state.send_status();
  }
  if (state.stopping) {
    if (state.connections().empty() || now - stop_began >= longest_stop) return state.context.stop();
    // Who has not taken what waits by now will not.
    if (now - stop_began >= longest_stop / 2) {
      for (const auto& connection : state.connections()) {
        connection->close(close_code::connection_cancelled, "connection cancelled");
      }
    }
  }
  timer.expires_after(state.stopping ? 10ms : tick_every);
  timer.async_wait([this](const ErrorCode& problem) {
    if (!problem) tick();
  });
}

void Hub::Impl::begin_stop() {
  state.stopping = true;
  stop_began = SteadyClock::now();
  kitchens.stop();
  eaters.stop();
  log::info("hub stops", {{"dumplings_in", state.counters.dumplings_in},
                          {"dumplings_out", state.dumplings_out()},
                          {"dropped", state.dumplings_dropped()},
                          {"invalid", state.counters.invalid},
                          {"rejected_connections", state.counters.all_rejected()}});
  for (const auto& connection : state.connections()) connection->close_when_sent();
}

Hub::Hub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Hub::~Hub() = default;

Result<std::unique_ptr<Hub>> Hub::open(const HubOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  if (const auto opened = impl->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Hub>(new Hub(std::move(impl)));
}

void Hub::run(const std::function<bool()>& stop_requested) {
  Impl& hub = *impl_;
  hub.stop_requested = stop_requested;
  log::info("hub listens", {{"address", hub.state.options.address},
                            {"in_port", hub.state.in_port},
                            {"out_port", hub.state.out_port},
                            {"tls", hub.state.tls.has_value()},
                            {"token", !hub.state.options.token.empty()}});
  hub.next_status = SteadyClock::now() + hub.state.options.status_freq;
  hub.kitchens.start();
  hub.eaters.start();
  hub.tick();
  hub.state.context.run();
  for (const auto& connection : hub.state.connections()) connection->abort();
}

void Hub::stop() {
  asio::post(impl_->state.context, [this] {
    if (!impl_->state.stopping) impl_->begin_stop();
  });
}

std::uint16_t Hub::in_port() const { return impl_->state.in_port; }
std::uint16_t Hub::out_port() const { return impl_->state.out_port; }

}  // namespace spiderling
