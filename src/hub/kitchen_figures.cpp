#include "hub/kitchen_figures.h"

#include "hub/connection.h"
#include "hub/hub_state.h"
#include "hub/metric_lines.h"

namespace spiderling {

namespace {

// {kitchen="k",host="127.0.0.1",port="41234",chef="ARPChef": two kitchens may have one name, so the peer is
// named, too.
void append_chef(std::string& out, std::string_view name, const Connection& kitchen, const ChefReport& chef) {
  out += name;
  out += '{';
  append_label(out, "kitchen", kitchen.name());
  out += ',';
  append_label(out, "host", kitchen.host());
  fmt::format_to(std::back_inserter(out), ",port=\"{}\",", kitchen.remote_port());
  append_label(out, "chef", chef.chef);
}

// A metric of which each chef has none, one or several: `append(kitchen, chef)` writes them.
template <class Append>
void append_of_chefs(std::string& out, const HubState& hub, std::string_view name, std::string_view type,
                     std::string_view help, const Append& append) {
  append_help(out, name, type, help);
  for (const Connection* kitchen : hub.kitchens()) {
    if (!kitchen->open()) continue;
    for (const ChefReport& chef : kitchen->figures().chefs()) append(*kitchen, chef);
  }
}

template <class Value>
void append_each_handler(std::string& out, const HubState& hub, std::string_view name, std::string_view type,
                         std::string_view help, Value value) {
  append_of_chefs(out, hub, name, type, help, [&](const Connection& kitchen, const ChefReport& chef) {
    for (const HandlerReport& handler : chef.handlers) {
      append_chef(out, name, kitchen, chef);
      out += ',';
      append_label(out, "handler", handler.handler);
      fmt::format_to(std::back_inserter(out), "}} {}\n", value(handler.figures));
    }
  });
}

template <class Value>
void append_each_queue(std::string& out, const HubState& hub, std::string_view name, std::string_view type,
                       std::string_view help, Value value) {
  append_of_chefs(out, hub, name, type, help, [&](const Connection& kitchen, const ChefReport& chef) {
    if (!chef.queue) return;
    append_chef(out, name, kitchen, chef);
    fmt::format_to(std::back_inserter(out), "}} {}\n", value(*chef.queue));
  });
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Result<void> KitchenFigures::take(std::string_view payload) {
  auto status = KitchenStatus::read(payload);
  if (!status) return tl::unexpected(status.error());
  std::size_t handlers = 0;
  for (const ChefReport& chef : status->chefs) handlers += std::max<std::size_t>(1, chef.handlers.size());
  if (held_ - own_ + handlers > most_handlers)
    return error("the hub keeps no more than {} handlers of all kitchens", most_handlers);
  held_ += handlers - own_;
  own_ = handlers;
  chefs_ = std::move(status->chefs);
  return {};
}

void append_chef_metrics(std::string& out, const HubState& hub) {
  append_each_handler(out, hub, "spiderling_chef_calls_total", "counter", "Calls of a chef's handler.",
                      [](const HandlerFigures& f) { return f.calls; });
  append_each_handler(out, hub, "spiderling_chef_failures_total", "counter",
                      "Calls of a chef's handler that failed.",
                      [](const HandlerFigures& f) { return f.failures; });
  append_each_handler(out, hub, "spiderling_chef_blocked_total", "counter",
                      "Calls of a chef's handler that took longer than a second.",
                      [](const HandlerFigures& f) { return f.blocked; });
  append_each_handler(out, hub, "spiderling_chef_busy_seconds_total", "counter",
                      "Time that a chef's handler took, estimated from a sample of calls.",
                      [](const HandlerFigures& f) { return seconds(f.busy); });
  append_each_handler(out, hub, "spiderling_chef_longest_seconds", "gauge",
                      "The longest call of a chef's handler among those that were measured.",
                      [](const HandlerFigures& f) { return seconds(f.longest); });
  append_each_queue(out, hub, "spiderling_chef_queue_waiting", "gauge",
                    "Packets and pokes that wait in a chef's own queue.",
                    [](const QueueFigures& f) { return f.waiting; });
  append_each_queue(out, hub, "spiderling_chef_queue_dropped_total", "counter",
                    "Packets that found no room in a chef's own queue.",
                    [](const QueueFigures& f) { return f.dropped; });
  append_each_queue(out, hub, "spiderling_chef_queue_skipped_pokes_total", "counter",
                    "Pokes that came while the one before still waited in a chef's own queue.",
                    [](const QueueFigures& f) { return f.skipped_pokes; });
  constexpr std::string_view set_aside = "spiderling_chef_set_aside";
  append_of_chefs(out, hub, set_aside, "gauge",
                  "Whether a chef was set aside, since it failed again and again.",
                  [&](const Connection& kitchen, const ChefReport& chef) {
                    append_chef(out, set_aside, kitchen, chef);
                    out += chef.set_aside ? "} 1\n" : "} 0\n";
                  });
}

}  // namespace spiderling
