#include "kitchen/kitchen.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "kitchen/layers.h"
#include "wire/dissect.h"

namespace spiderling {

namespace {

// Times outside the years 1970 to 2116 would let sums and differences overflow; hostile traces have them.
constexpr std::int64_t max_time_ns = std::int64_t{1} << 62;
std::int64_t sane(std::int64_t time_ns) { return std::clamp(time_ns, std::int64_t{0}, max_time_ns); }

// A trace whose clock went back for good is followed; packets out of order, or one from the far future, are
// not.
constexpr std::uint32_t packets_until_clock_is_set_back = 1000;

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Timestamp at_ns(std::int64_t time_ns) { return Timestamp(std::chrono::nanoseconds(time_ns)); }

}  // namespace

struct Kitchen::Cook {
  Cook(const ChefDescription& d, const std::string& kitchen, std::unique_ptr<Chef> made)
      : description(d),
        chef(std::move(made)),
        by_packet(d.name, kitchen, Driver::packet),
        by_interval(d.name, kitchen, Driver::interval) {}

  const ChefDescription& description;
  std::unique_ptr<Chef> chef;
  std::optional<FilterBank> filter;
  DumplingLabel by_packet;
  DumplingLabel by_interval;
  bool failure_logged = false;
  bool payload_logged = false;
};

Kitchen::Kitchen(KitchenOptions options, DumplingSink& sink)
    : options_(std::move(options)),
      lines_(sink),
      pokes_(options_.poke_interval.count(), packets_time() ? PokeClock::Late::each : PokeClock::Late::once) {
}

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
  } catch (const std::exception& problem) {
    return error("chef {} cannot be made: {}", description.name, problem.what());
  } catch (...) {
    return error("chef {} cannot be made: it threw no std::exception", description.name);
  }
  auto& cook = cooks_.emplace_back(std::make_unique<Cook>(description, options_.name, std::move(chef)));
  if (!filter.empty()) {
    cook->filter.emplace(filter, [name = description.name](std::string warning) {
      log::warning("filter of a chef", {{"chef", name}, {"problem", warning}});
    });
  }
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
  if (!packets_time()) poke_due(steady_ns());
  counters_.packets += frames.size();
  for (const Frame& frame : frames) {
    if (packets_time() && keep_time(sane(frame.time_ns))) poke_due(*packet_time_);
    show(frame);
  }
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
}

void Kitchen::cook(Cook& cook, const Frame& frame) {
  if (cook.filter) {
    const FilterProgram* program = cook.filter->program(frame.link_type, false);
    if (program != nullptr && !program->matches(frame.data, frame.captured, frame.wire_length)) return;
  }
  try {
    const Payload payload = cook.chef->packet_handler(packet_);
    if (!payload.is_null()) serve(cook, cook.by_packet, payload, now());
  } catch (const std::exception& problem) {
    failed(cook, "packet_handler", problem.what());
  } catch (...) {
    failed(cook, "packet_handler", "threw no std::exception");
  }
}

void Kitchen::poke_due(std::int64_t now_ns) {
  while (const auto due = pokes_.due(now_ns)) poke_all(*due);
}

void Kitchen::poke_all(std::int64_t at) {
  const std::chrono::duration<double> interval = options_.poke_interval;
  for (const auto& each : cooks_) {
    Cook& cook = *each;
    if (!cook.description.has_interval_handler) continue;
    try {
      const Payload payload = cook.chef->interval_handler(interval);
      serve(cook, cook.by_interval, payload, packets_time() ? at_ns(at) : now());
    } catch (const std::exception& problem) {
      failed(cook, "interval_handler", problem.what());
    } catch (...) {
      failed(cook, "interval_handler", "threw no std::exception");
    }
  }
}

void Kitchen::serve(Cook& cook, const DumplingLabel& label, const Payload& payload, Timestamp time) {
  const char* problem = lines_.add(label, time, payload);
  if (problem == nullptr || cook.payload_logged) return;
  cook.payload_logged = true;
  log::error("a chef's payload is no dumpling; this is said once, and counted",
             {{"chef", cook.description.name}, {"problem", problem}});
}

void Kitchen::failed(Cook& cook, const char* handler, const char* why) {
  ++counters_.failures;
  if (cook.failure_logged) return;
  cook.failure_logged = true;
  log::error("a chef failed; this is said once, and counted",
             {{"chef", cook.description.name}, {"handler", handler}, {"problem", why}});
}

void Kitchen::pass_time(std::optional<Timestamp> at_least) {
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
  flush();
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
  for (const auto& cook : cooks_) counters.forgotten += cook->chef->forgotten();
  return counters;
}

}  // namespace spiderling
