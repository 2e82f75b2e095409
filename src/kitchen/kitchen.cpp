#include "kitchen/kitchen.h"

#include <algorithm>
#include <exception>
#include <limits>

#include <fmt/format.h>

#include "base/log.h"
#include "kitchen/layers.h"
#include "kitchen/remote_chef.h"
#include "wire/dissect.h"

namespace spiderling {

namespace {

// Times outside the years 1970 to 2116 would let sums and differences overflow; hostile traces have them.
constexpr std::int64_t max_time_ns = std::int64_t{1} << 62;
std::int64_t sane(std::int64_t time_ns) { return std::clamp(time_ns, std::int64_t{0}, max_time_ns); }

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// A trace whose clock went back for good is followed; packets out of order, or one from the far future, are
// not.
constexpr std::uint32_t packets_until_clock_is_set_back = 1000;

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr const char* packet_handler = "packet_handler";
constexpr const char* interval_handler = "interval_handler";

constexpr std::chrono::milliseconds remote_wait{20};
// At the end: the longest that one handler of a remote chef may take, and all together when the end was asked
// for.
constexpr std::chrono::seconds remote_handler_takes_at_most{10};
constexpr std::chrono::seconds remote_end_takes_at_most{2};

Timestamp at_ns(std::int64_t time_ns) { return Timestamp(std::chrono::nanoseconds(time_ns)); }

}  // namespace

struct Kitchen::Cook {
  Cook(const ChefDescription& d, const KitchenOptions& options, std::unique_ptr<Chef> made)
      : description(d),
        chef(std::move(made)),
        remote(dynamic_cast<RemoteChef*>(chef.get())),
        by_packet(d.name, options.name, Driver::packet),
        by_interval(d.name, options.name, Driver::interval),
        watch(options.watchdog, {fmt::format("{} of chef {}", packet_handler, d.name),
                                 fmt::format("{} of chef {}", interval_handler, d.name)}) {}

  // nullptr: measured by the kitchen, since its handlers run here.
  const MeteredElsewhere* elsewhere() const { return dynamic_cast<const MeteredElsewhere*>(chef.get()); }
  ChefReport report() const;
  std::uint64_t forgotten() const;

  const ChefDescription& description;
  std::unique_ptr<Chef> chef;
  RemoteChef* const remote;  // the chef, if it is one
  std::optional<FilterBank> filter;
  DumplingLabel by_packet;
  DumplingLabel by_interval;
  HandlerWatch watch;
  HandlerMeter on_packet{watch, 0};
  HandlerMeter on_interval{watch, 1};
  bool set_aside = false;
  bool failure_logged = false;
  bool payload_logged = false;
};

ChefReport Kitchen::Cook::report() const {
  if (const MeteredElsewhere* there = elsewhere()) return there->report();
  ChefReport report{description.name, set_aside, {}};
  if (description.has_packet_handler) report.handlers.push_back({packet_handler, on_packet.figures()});
  if (description.has_interval_handler) report.handlers.push_back({interval_handler, on_interval.figures()});
  return report;
}

// It is a chef's own function, too; what it cannot say is left out of the sum.
std::uint64_t Kitchen::Cook::forgotten() const {
  try {
    return chef->forgotten();
  } catch (...) {
    log::error("a chef failed", {{"chef", description.name}, {"handler", "forgotten"}});
    return 0;
  }
}

Kitchen::Kitchen(KitchenOptions options, DumplingSink& sink)
    : options_(std::move(options)),
      lines_(sink),
      pokes_(options_.poke_interval.count(), packets_time() ? PokeClock::Late::each : PokeClock::Late::once),
      by_kitchen_(kitchen_status_chef, options_.name, Driver::interval),
      started_ns_(steady_ns()),
      next_status_ns_(options_.status_interval.count() > 0 ? started_ns_ + options_.status_interval.count()
                                                           : never) {}

Kitchen::~Kitchen() = default;

Result<void> Kitchen::take_on(const ChefDescription& description) {
  const std::string filter = description.filter == nullptr ? "" : description.filter;
  if (!filter.empty()) {
    constexpr std::uint32_t any_length = 262144;
    if (const auto valid = compile_filter(filter, LinkType::ethernet, any_length); !valid) {
      return error("the filter of chef {}, '{}': {}", description.name, filter, valid.error().message);
    }
  }
  std::unique_ptr<Chef> chef;
  try {
    chef = description.create();
    chef->join(description.name, options_.name);
    if (auto* remote = dynamic_cast<RemoteChef*>(chef.get()))
      remote->open({packets_time(), packets_time(), options_.max_failures});
  } catch (const std::exception& problem) {
    return error("chef {} cannot be made: {}", description.name, problem.what());
  } catch (...) {
    return error("chef {} cannot be made: it threw no std::exception", description.name);
  }
  auto& cook = cooks_.emplace_back(std::make_unique<Cook>(description, options_, std::move(chef)));
  if (!filter.empty()) {
    cook->filter.emplace(filter, [name = description.name](std::string warning) {
      log::warning("filter of a chef", {{"chef", name}, {"problem", warning}});
    });
  }
  if (cook->remote != nullptr) remote_cooks_.push_back(cook.get());
  if (description.has_packet_handler) {
    packet_cooks_.push_back(cook.get());
    wanted_ = wanted_ | description.wants;
  }
  return {};
}

void Kitchen::start() {
  if (!packets_time()) poke_due(steady_ns());
  flush();
}

void Kitchen::process(std::span<const Frame> frames) {
  if (!packets_time() || next_status_ns_ != never) {
    const std::int64_t now_ns = steady_ns();
    if (!packets_time()) poke_due(now_ns);
    tell_status(now_ns);
  }
  counters_.packets += frames.size();
  for (const Frame& frame : frames) {
    if (packets_time() && keep_time(sane(frame.time_ns))) poke_due(*packet_time_);
    show(frame);
  }
  if (!remote_cooks_.empty()) collect();
}

// True if it is later than ever.
bool Kitchen::keep_time(std::int64_t time_ns) {
  if (packet_time_ && time_ns <= *packet_time_) {
    const bool far_behind = *packet_time_ - time_ns > options_.poke_interval.count();
    packets_behind_ = far_behind ? packets_behind_ + 1 : 0;
    if (packets_behind_ < packets_until_clock_is_set_back) return false;
    pokes_.set_back(time_ns);
  }
  packets_behind_ = 0;
  packet_time_ = time_ns;
  return time_ns >= pokes_.next();
}

void Kitchen::show(const Frame& frame) {
  Dissector::dissect(packet_, {frame.data, frame.captured}, frame.wire_length, sane(frame.time_ns),
                     frame.link_type);
  if (packet_.defect() != Defect::none) ++counters_.malformed;
  const Layers layers = layers_of(packet_);
  if (!intersect(layers, wanted_)) return;
  for (Cook* each : packet_cooks_) {
    if (intersect(layers, each->description.wants)) cook(*each, frame);
  }
  if (newly_set_aside_) [[unlikely]]
    let_go_of_set_aside();
}

void Kitchen::cook(Cook& cook, const Frame& frame) {
  if (cook.filter) {
    const FilterProgram* program = cook.filter->program(frame.link_type, false);
    if (program != nullptr && !program->matches(frame.data, frame.captured, frame.wire_length)) return;
  }
  if (cook.remote != nullptr) return give(cook);
  try {
    const Payload payload = cook.on_packet.call([&] { return cook.chef->packet_handler(packet_); });
    cook.on_packet.succeeded();
    if (!payload.is_null()) serve(cook, cook.by_packet, payload, now());
  } catch (const std::exception& problem) {
    failed(cook, cook.on_packet, problem.what());
  } catch (...) {
    failed(cook, cook.on_packet, "threw no std::exception");
  }
}

void Kitchen::poke_due(std::int64_t now_ns) {
  while (const auto due = pokes_.due(now_ns)) poke_all(*due);
}

void Kitchen::poke_all(std::int64_t at) {
  const std::chrono::duration<double> interval = options_.poke_interval;
  for (const auto& each : cooks_) {
    Cook& cook = *each;
    if (!cook.description.has_interval_handler || cook.set_aside) continue;
    if (cook.remote != nullptr) {
      poke(cook, at);
      continue;
    }
    try {
      const Payload payload = cook.on_interval.call([&] { return cook.chef->interval_handler(interval); });
      cook.on_interval.succeeded();
      serve(cook, cook.by_interval, payload, packets_time() ? at_ns(at) : now());
    } catch (const std::exception& problem) {
      failed(cook, cook.on_interval, problem.what());
    } catch (...) {
      failed(cook, cook.on_interval, "threw no std::exception");
    }
  }
  if (newly_set_aside_) let_go_of_set_aside();
}

void Kitchen::serve(Cook& cook, const DumplingLabel& label, const Payload& payload, Timestamp time) {
  const char* problem = lines_.add(label, time, payload);
  if (problem == nullptr || cook.payload_logged) return;
  cook.payload_logged = true;
  log::error("a chef's payload is no dumpling; this is said once, and counted",
             {{"chef", cook.description.name}, {"problem", problem}});
}

void Kitchen::failed(Cook& cook, HandlerMeter& handler, const char* why) {
  const char* name = &handler == &cook.on_packet ? packet_handler : interval_handler;
  const std::uint64_t in_a_row = handler.failed();
  ++counters_.failures;
  if (!cook.failure_logged) {
    cook.failure_logged = true;
    log::error("a chef failed; this is said once, and counted",
               {{"chef", cook.description.name}, {"handler", name}, {"problem", why}});
  }
  if (cook.set_aside || !options_.max_failures.reached(in_a_row)) return;
  cook.set_aside = newly_set_aside_ = true;
  ++counters_.set_aside;
  log::error("a chef is set aside, since it failed again and again: it gets nothing more",
             {{"chef", cook.description.name},
              {"handler", name},
              {"failures_in_a_row", in_a_row},
              {"problem", why}});
}

void Kitchen::give(Cook& cook) {
  const Timestamp created = packets_time() ? now() : Timestamp{};
  while (!cook.remote->give(packet_, created)) {
    if (wait_for(cook)) continue;
    ++counters_.left_behind;
    return;
  }
}

void Kitchen::poke(Cook& cook, std::int64_t at) {
  const Timestamp created = packets_time() ? at_ns(at) : Timestamp{};
  while (!cook.remote->poke(options_.poke_interval, created)) {
    if (wait_for(cook)) continue;
    ++counters_.left_behind;
    return;
  }
}

// Meanwhile what was made is fetched: the chef itself may wait for that. False: no more waiting.
bool Kitchen::wait_for(Cook& cook) {
  if (options_.give_up && options_.give_up()) return false;
  collect();
  cook.remote->wait(remote_wait);
  return true;
}

void Kitchen::collect() {
  for (Cook* cook : remote_cooks_) {
    cook->remote->hand_over();
    cook->remote->collect([&](Driver driver, Timestamp created, std::string_view json) {
      lines_.add_json(driver == Driver::packet ? cook->by_packet : cook->by_interval, created, json);
    });
    if (cook->set_aside || !cook->remote->counters().set_aside) continue;
    cook->set_aside = newly_set_aside_ = true;
    ++counters_.set_aside;
  }
}

// As long as handlers come back; what does not is left behind.
void Kitchen::finish_remote() {
  for (Cook* cook : remote_cooks_) cook->remote->last();
  const auto is_done = [](const Cook* cook) { return cook->remote->done(); };
  std::uint64_t handled = 0;
  auto since = std::chrono::steady_clock::now();
  while (true) {
    const auto left = std::ranges::find_if_not(remote_cooks_, is_done);
    if (left == remote_cooks_.end()) break;
    const bool hurry = options_.give_up && options_.give_up();
    std::uint64_t by_now = 0;
    for (const Cook* cook : remote_cooks_) by_now += cook->remote->counters().handled;
    const auto now = std::chrono::steady_clock::now();
    if (std::exchange(handled, by_now) != by_now && !hurry) since = now;
    if (now - since >= (hurry ? remote_end_takes_at_most : remote_handler_takes_at_most)) break;
    collect();
    (*left)->remote->wait(remote_wait);
  }
  collect();
  for (Cook* cook : remote_cooks_) {
    if (!is_done(cook)) leave_behind(*cook);
  }
}

void Kitchen::leave_behind(Cook& cook) {
  cook.remote->abandon();
  const std::uint64_t waiting = cook.remote->counters().waiting;
  counters_.left_behind += waiting;
  log::error("a chef does not come back; it is left behind, with what waited for it",
             {{"chef", cook.description.name}, {"packets_and_pokes", waiting}});
}

// Not while they are gone through.
void Kitchen::let_go_of_set_aside() {
  newly_set_aside_ = false;
  std::erase_if(packet_cooks_, [](const Cook* cook) { return cook->set_aside; });
  wanted_ = {};
  for (const Cook* cook : packet_cooks_) wanted_ = wanted_ | cook->description.wants;
}

bool Kitchen::all_set_aside() const { return !cooks_.empty() && counters_.set_aside == cooks_.size(); }

void Kitchen::pass_time(std::optional<Timestamp> at_least) {
  if (!remote_cooks_.empty()) collect();
  if (next_status_ns_ != never) tell_status(steady_ns());
  if (!packets_time()) {
    poke_due(steady_ns());
  } else if (at_least && packet_time_) {
    const std::int64_t time_ns = sane(at_least->time_since_epoch().count());
    if (time_ns > *packet_time_ && time_ns >= pokes_.next()) {
      packet_time_ = time_ns;
      poke_due(time_ns);
    }
  }
}

std::chrono::nanoseconds Kitchen::until_next_poke() const {
  return std::chrono::nanoseconds(std::max<std::int64_t>(0, pokes_.next() - steady_ns()));
}

void Kitchen::finish() {
  if (packets_time() && packet_time_) poke_all(*packet_time_);
  if (!remote_cooks_.empty()) finish_remote();
  if (next_status_ns_ != never) make_status(steady_ns());
  flush();
}

void Kitchen::tell_status(std::int64_t now_ns) {
  if (now_ns < next_status_ns_) return;
  next_status_ns_ = now_ns + options_.status_interval.count();
  make_status(now_ns);
}

// How the kitchen itself is, so it bears the time of day, also when the packets' time is another.
void Kitchen::make_status(std::int64_t now_ns) {
  const std::chrono::duration<double> uptime = std::chrono::nanoseconds(now_ns - started_ns_);
  const KitchenStatus status{uptime.count(), counters_.packets, counters_.malformed, lines_.counters().made,
                             reports()};
  lines_.add_json(by_kitchen_, std::chrono::system_clock::now(), status.json());
}

std::vector<ChefReport> Kitchen::reports() const {
  std::vector<ChefReport> reports;
  for (const auto& cook : cooks_) reports.push_back(cook->report());
  return reports;
}

// Of packets' time: that of the latest packet, so that creation times never run backwards.
Timestamp Kitchen::now() const {
  if (packets_time()) return at_ns(packet_time_.value_or(0));
  return std::chrono::system_clock::now();
}

KitchenCounters Kitchen::counters() const {
  KitchenCounters counters = counters_;
  counters.skipped_pokes = pokes_.skipped();
  counters.dumplings = lines_.counters();
  for (const auto& cook : cooks_) counters.forgotten += cook->forgotten();
  for (const Cook* cook : remote_cooks_) {
    const RemoteCounters remote = cook->remote->counters();
    counters.failures += remote.failures;
    counters.remote_dropped += remote.dropped;
    counters.skipped_pokes += remote.skipped_pokes;
    counters.dumplings.unwritable += remote.unwritable;
  }
  return counters;
}

}  // namespace spiderling
