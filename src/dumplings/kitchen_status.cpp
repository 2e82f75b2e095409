#include "dumplings/kitchen_status.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <simdjson.h>

#include "base/json_text.h"

namespace spiderling {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_bytes = 256u << 10;
constexpr std::size_t most_depth = 16;
constexpr double most_seconds = 1e9;  // thirty years

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void append_handler(std::string& out, const HandlerReport& report) {
  const HandlerFigures& f = report.figures;
  out += R"({"handler":)";
  append_json_string(out, report.handler);
  fmt::format_to(std::back_inserter(out),
                 R"(,"calls":{},"failures":{},"blocked":{},"busy_seconds":{:.9f},"longest_seconds":{:.9f}}})",
                 f.calls, f.failures, f.blocked, seconds(f.busy), seconds(f.longest));
}

void append_chef(std::string& out, const ChefReport& report) {
  out += R"({"chef":)";
  append_json_string(out, report.chef);
  out += report.set_aside ? R"(,"set_aside":true,"handlers":[)" : R"(,"set_aside":false,"handlers":[)";
  for (std::size_t i = 0; i < report.handlers.size(); ++i) {
    if (i != 0) out += ',';
    append_handler(out, report.handlers[i]);
  }
  out += ']';
  if (report.queue) {
    fmt::format_to(std::back_inserter(out), R"(,"queue":{{"waiting":{},"dropped":{},"skipped_pokes":{}}})",
                   report.queue->waiting, report.queue->dropped, report.queue->skipped_pokes);
  }
  out += '}';
}

// --- reading what somebody wrote

bool take_count(const dom::element& object, const char* key, std::uint64_t& count) {
  return object[key].get(count) == simdjson::SUCCESS;
}

bool take_seconds(const dom::element& object, const char* key, double& number) {
  return object[key].get(number) == simdjson::SUCCESS && number >= 0 && number <= most_seconds;
}

bool take_time(const dom::element& object, const char* key, std::chrono::nanoseconds& time) {
  double number = 0;
  if (!take_seconds(object, key, number)) return false;
  time = std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(number));
  return true;
}

bool take_name(const dom::element& object, const char* key, std::string& name) {
  std::string_view text;
  if (object[key].get(text) != simdjson::SUCCESS || text.empty() || text.size() > KitchenStatus::longest_name)
    return false;
  name = text;
  return true;
}

bool take_handler(const dom::element& element, HandlerReport& report) {
  HandlerFigures& f = report.figures;
  return take_name(element, "handler", report.handler) && take_count(element, "calls", f.calls) &&
         take_count(element, "failures", f.failures) && take_count(element, "blocked", f.blocked) &&
         take_time(element, "busy_seconds", f.busy) && take_time(element, "longest_seconds", f.longest);
}

// All elements of a list with names of their own, at most so many.
template <class One, class Take>
bool take_list(const dom::element& object, const char* key, std::size_t most, std::vector<One>& list,
               std::string One::*name, Take take) {
  dom::array elements;
  if (object[key].get(elements) != simdjson::SUCCESS) return false;
  std::set<std::string_view> names;
  for (const dom::element element : elements) {
    if (list.size() == most || !take(element, list.emplace_back())) return false;
  }
  return std::ranges::all_of(list, [&](const One& one) { return names.insert(one.*name).second; });
}

// A kitchen may say nothing of it.
bool take_queue(const dom::element& chef, std::optional<QueueFigures>& queue) {
  dom::element object;
  if (chef["queue"].get(object) != simdjson::SUCCESS) return true;
  QueueFigures& f = queue.emplace();
  return take_count(object, "waiting", f.waiting) && take_count(object, "dropped", f.dropped) &&
         take_count(object, "skipped_pokes", f.skipped_pokes);
}

bool take_chef(const dom::element& element, ChefReport& report) {
  return take_name(element, "chef", report.chef) &&
         element["set_aside"].get(report.set_aside) == simdjson::SUCCESS &&
         take_list(element, "handlers", KitchenStatus::most_handlers, report.handlers,
                   &HandlerReport::handler, take_handler) &&
         take_queue(element, report.queue);
}

}  // namespace

void append_chefs(std::string& out, const std::vector<ChefReport>& chefs) {
  out += '[';
  for (std::size_t i = 0; i < chefs.size(); ++i) {
    if (i != 0) out += ',';
    append_chef(out, chefs[i]);
  }
  out += ']';
}

std::string KitchenStatus::json() const {
  std::string out = fmt::format(R"({{"uptime":{:.3f},"packets":{},"malformed":{},"dumplings":{},"chefs":)",
                                uptime, packets, malformed, dumplings);
  append_chefs(out, chefs);
  return out + '}';
}

Result<KitchenStatus> KitchenStatus::read(std::string_view payload) {
  if (payload.size() > most_bytes) return error("it is longer than {} bytes", most_bytes);
  dom::parser parser(most_bytes);
  dom::element root;
  if (parser.allocate(std::max<std::size_t>(payload.size(), 64), most_depth) != simdjson::SUCCESS)
    return error("there is no memory to read it");
  if (parser.parse(payload.data(), payload.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return error("it is no JSON object, or nested too deeply");
  KitchenStatus status;
  const bool is_good =
      take_seconds(root, "uptime", status.uptime) && take_count(root, "packets", status.packets) &&
      take_count(root, "malformed", status.malformed) && take_count(root, "dumplings", status.dumplings) &&
      take_list(root, "chefs", most_chefs, status.chefs, &ChefReport::chef, take_chef);
  if (!is_good) return error("it is no kitchen's status, or says too much");
  return status;
}

}  // namespace spiderling
