#include "hub/status.h"

#include <algorithm>

#include "base/json_text.h"
#include "hub/connection.h"
#include "hub/hub_state.h"
#include "hub/metric_lines.h"

namespace spiderling {
namespace {

constexpr std::size_t most_list_bytes = 512 << 10;
constexpr std::size_t most_bytes_with_chefs = 128 << 10;  // then figures of chefs are left out

double uptime(const HubState& hub) {
  return std::chrono::duration<double>(SteadyClock::now() - hub.started).count();
}

template <class... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::size_t open_count(const std::vector<Connection*>& clients) {
  return static_cast<std::size_t>(
      std::count_if(clients.begin(), clients.end(), [](const Connection* client) { return client->open(); }));
}

// What a kitchen has told of its chefs, if it has.
void append_figures(std::string& out, const Connection& client) {
  const auto& chefs = client.figures().chefs();
  if (chefs.empty() || out.size() > most_bytes_with_chefs) return;
  const std::size_t before = out.size();
  out += ",\"chefs\":";
  append_chefs(out, chefs);
  if (out.size() > most_bytes_with_chefs) out.resize(before);
}

// [{"info_from_kitchen": HELLO, "info_from_hub": {"host": "127.0.0.1", "port": 41234}, "chefs": [...]}, ...]
void append_clients(std::string& out, std::string_view key, std::string_view hello_key,
                    const std::vector<Connection*>& clients) {
  append(out, ",\"{}\":[", key);
  bool first = true;
  for (const Connection* client : clients) {
    if (!client->open()) continue;
    if (out.size() + client->hello().size() > most_list_bytes) break;
    append(out, "{}{{\"{}\":{},\"info_from_hub\":{{\"host\":", first ? "" : ",", hello_key, client->hello());
    append_json_string(out, client->host());
    append(out, ",\"port\":{}}}", client->remote_port());
    append_figures(out, *client);
    out += '}';
    first = false;
  }
  out += ']';
}

void append_hub_help(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  append_help(out, fmt::format("spiderling_hub_{}", name), type, help);
}

template <class Number>
void append_metric(std::string& out, std::string_view name, std::string_view type, std::string_view help,
                   Number value) {
  append_hub_help(out, name, type, help);
  append(out, "spiderling_hub_{} {}\n", name, value);
}

// One line for each client, as {eater="name",host="127.0.0.1",port="41234"}.
template <class Value>
void append_each(std::string& out, std::string_view name, std::string_view type, std::string_view help,
                 std::string_view role, const std::vector<Connection*>& clients, Value value) {
  append_hub_help(out, name, type, help);
  for (const Connection* client : clients) {
    if (!client->open()) continue;
    append(out, "spiderling_hub_{}{{", name);
    append_label(out, role, client->name());
    out += ',';
    append_label(out, "host", client->host());
    append(out, ",port=\"{}\"}} {}\n", client->remote_port(), value(*client));
  }
}

std::uint64_t of_queue(const Connection& eater, std::uint64_t (EaterQueue::*member)() const) {
  return eater.queue() == nullptr ? 0 : (eater.queue()->*member)();
}

}  // namespace

std::string status_payload(const HubState& hub) {
  std::string out;
  append(out,
         "{{\"total_dumplings_in\":{},\"total_dumplings_out\":{},\"server_uptime\":{:.3f},\"dumpling_kitchen_"
         "count\":{},"
         "\"dumpling_eater_count\":{}",
         hub.counters.dumplings_in, hub.dumplings_out(), uptime(hub), open_count(hub.kitchens()),
         open_count(hub.eaters()));
  append_clients(out, "dumpling_kitchens", "info_from_kitchen", hub.kitchens());
  append_clients(out, "dumpling_eaters", "info_from_eater", hub.eaters());
  append(out, ",\"total_dumplings_dropped\":{},\"total_dumplings_invalid\":{},\"rejected_connections\":{}}}",
         hub.dumplings_dropped(), hub.counters.invalid, hub.counters.all_rejected());
  return out;
}

std::string status_dumpling(const HubState& hub) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return fmt::format(
      "{{\"metadata\":{{\"chef\":\"{}\",\"kitchen\":null,\"creation_time\":{:.6f},\"driver\":\"interval\"}},"
      "\"payload\":{}}}",
      status_chef, now, status_payload(hub));
}

std::string metrics_text(const HubState& hub) {
  const HubCounters& c = hub.counters;
  std::string out;
  append_metric(out, "dumplings_in_total", "counter", "Valid dumplings from kitchens.", c.dumplings_in);
  append_metric(out, "dumplings_invalid_total", "counter", "Messages of kitchens that were no dumplings.",
                c.invalid);
  append_metric(out, "kitchen_status_refused_total", "counter",
                "Dumplings of KitchenStatusChef whose figures were not taken.", c.status_refused);
  append_metric(out, "dumplings_out_total", "counter", "Dumplings written to eaters, of all eaters.",
                hub.dumplings_out());
  append_metric(out, "dumplings_dropped_total", "counter",
                "Dumplings left out because an eater was slow, of all eaters.", hub.dumplings_dropped());
  append_metric(out, "bytes_in_total", "counter", "Bytes of valid dumplings.", c.bytes_in);
  append_metric(out, "bytes_out_total", "counter", "Bytes written to connections, before TLS.", c.bytes_out);
  append_metric(out, "kitchens", "gauge", "Kitchens connected.", open_count(hub.kitchens()));
  append_metric(out, "eaters", "gauge", "Eaters connected.", open_count(hub.eaters()));
  append_metric(out, "kitchens_seen_total", "counter", "Kitchens that have connected.", c.kitchens_seen);
  append_metric(out, "eaters_seen_total", "counter", "Eaters that have connected.", c.eaters_seen);
  append_metric(out, "slow_eaters_closed_total", "counter", "Eaters closed because they were slow or stuck.",
                c.slow_closed);
  append_metric(out, "queue_memory_bytes", "gauge",
                "Memory of what eaters still have to get, which they share.", hub.log.memory());
  append_metric(out, "uptime_seconds", "gauge", "Time since the hub started.", uptime(hub));
  append_hub_help(out, "connections_rejected_total", "counter",
                  "Connections that were not let in, by reason.");
  for (std::size_t i = 0; i < rejection_count; ++i) {
    append(out, "spiderling_hub_connections_rejected_total{{reason=\"{}\"}} {}\n",
           name_of(static_cast<Rejection>(i)), c.rejected[i]);
  }
  append_each(out, "kitchen_dumplings_in_total", "counter", "Valid dumplings of one kitchen.", "kitchen",
              hub.kitchens(), [](const Connection& kitchen) { return kitchen.received(); });
  append_each(out, "kitchen_dumplings_invalid_total", "counter",
              "Messages of one kitchen that were no dumplings.", "kitchen", hub.kitchens(),
              [](const Connection& kitchen) { return kitchen.invalid(); });
  append_each(out, "eater_dumplings_out_total", "counter", "Dumplings written to one eater.", "eater",
              hub.eaters(), [](const Connection& eater) { return of_queue(eater, &EaterQueue::sent); });
  append_each(out, "eater_dumplings_dropped_total", "counter", "Dumplings left out for one eater.", "eater",
              hub.eaters(), [](const Connection& eater) { return of_queue(eater, &EaterQueue::dropped); });
  append_each(out, "eater_queue_dumplings", "gauge", "Dumplings between what one eater got and the newest.",
              "eater", hub.eaters(),
              [](const Connection& eater) { return of_queue(eater, &EaterQueue::waiting); });
  append_each(out, "eater_queue_bytes", "gauge", "Bytes between what one eater got and the newest.", "eater",
              hub.eaters(),
              [](const Connection& eater) { return of_queue(eater, &EaterQueue::waiting_bytes); });
  append_chef_metrics(out, hub);
  return out;
}

}  // namespace spiderling
