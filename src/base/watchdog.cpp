#include "base/watchdog.h"

#include <algorithm>

#include "base/log.h"

namespace spiderling {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// While something blocks, it is looked at more often, so that its end is known better.
constexpr std::chrono::nanoseconds short_period = 10ms;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

struct Watchdog::Seen {
  HandlerWatch* watch;
  std::uint64_t state = 0;
  std::chrono::nanoseconds running{};  // in that state
  bool told = false;

  std::size_t handler() const { return (state & HandlerWatch::handler_bits) - 1; }
};

Watchdog::Watchdog(WatchdogOptions options) : options_(std::move(options)), thread_([this] { work(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::add(HandlerWatch& watch) {
  const std::lock_guard lock(mutex_);
  seen_.push_back(std::make_unique<Seen>(Seen{.watch = &watch}));
}

void Watchdog::remove(HandlerWatch& watch) {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::find_if(seen_, [&](const auto& seen) { return seen->watch == &watch; });
  if (at == seen_.end()) return;
  if ((*at)->told) look_at(**at, {});  // it has left since the last look, or is leaving now
  seen_.erase(at);
}

void Watchdog::work() {
  std::unique_lock lock(mutex_);
  auto last_look = Clock::now();
  bool any_blocked = false;
  while (!stopping_) {
    const auto period = any_blocked ? std::min(short_period, options_.period) : options_.period;
    wake_.wait_for(lock, period, [this] { return stopping_; });
    const auto now = Clock::now();
    // Longer than that it was not a handler that took the time.
    any_blocked = look(std::min<std::chrono::nanoseconds>(now - last_look, 2 * options_.period));
    last_look = now;
  }
}

// True: something blocks.
bool Watchdog::look(std::chrono::nanoseconds passed) {
  bool any_blocked = false;
  for (const auto& seen : seen_) any_blocked |= look_at(*seen, passed);
  return any_blocked;
}

bool Watchdog::look_at(Seen& seen, std::chrono::nanoseconds passed) {
  HandlerWatch& watch = *seen.watch;
  const std::uint64_t state = watch.state_.load(std::memory_order_relaxed);
  const std::string_view name =
      seen.handler() < watch.names_.size() ? std::string_view(watch.names_[seen.handler()]) : "?";
  if (state != seen.state) {
    if (seen.told) {
      watch.blocked_now_.store(false, std::memory_order_relaxed);
      tell({name, seen.running, true});
    }
    seen = Seen{&watch, state, {}, false};
    return false;
  }
  if ((state & HandlerWatch::handler_bits) == HandlerWatch::none) return false;
  seen.running += passed;
  if (seen.handler() < watch.names_.size()) {
    auto& longest = watch.figures_[seen.handler()].longest_ns;
    longest.store(std::max<std::int64_t>(longest.load(std::memory_order_relaxed), seen.running.count()),
                  std::memory_order_relaxed);
  }
  if (seen.told || seen.running < options_.blocked_after) return seen.told;
  seen.told = true;
  watch.blocked_now_.store(true, std::memory_order_relaxed);
  if (seen.handler() < watch.names_.size())
    watch.figures_[seen.handler()].blocked.fetch_add(1, std::memory_order_relaxed);
  tell({name, seen.running, false});
  return true;
}

void Watchdog::tell(const BlockedHandler& handler) const {
  if (options_.tell) return options_.tell(handler);
  log::warning(handler.ended ? "a handler that blocked has ended" : "a handler blocks",
               {{"handler", handler.name}, {"seconds", seconds(handler.so_far)}});
}

HandlerWatch::HandlerWatch(Watchdog* watchdog, std::vector<std::string> names)
    : watchdog_(watchdog), names_(std::move(names)), figures_(std::make_unique<Figures[]>(names_.size())) {
  if (watchdog_ != nullptr) watchdog_->add(*this);
}

HandlerWatch::~HandlerWatch() {
  if (watchdog_ != nullptr) watchdog_->remove(*this);
}

std::uint64_t HandlerWatch::times_blocked(std::uint32_t handler) const {
  return handler < names_.size() ? figures_[handler].blocked.load(std::memory_order_relaxed) : 0;
}

std::chrono::nanoseconds HandlerWatch::longest_seen(std::uint32_t handler) const {
  if (handler >= names_.size()) return {};
  return std::chrono::nanoseconds(figures_[handler].longest_ns.load(std::memory_order_relaxed));
}

}  // namespace spiderling
