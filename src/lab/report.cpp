#include "lab/report.h"

#include <algorithm>
#include <iterator>

#include "base/json_text.h"

namespace spiderling::lab {
namespace {

constexpr std::string_view red = "\x1b[31m", green = "\x1b[32m", plain = "\x1b[0m";

class Writer {
 public:
  explicit Writer(bool color) : color_(color) {}

  template <class... Args>
  Writer& add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    return *this;
  }
  Writer& in(std::string_view color, std::string_view text) {
    if (!color_ || color.empty()) return add("{}", text);
    return add("{}{}{}", color, text, plain);
  }
  std::string take() { return std::move(text_); }

 private:
  bool color_;
  std::string text_;
};

// Zero is no news: it is a point.
void add_count(Writer& out, std::uint64_t count, bool is_bad) {
  const std::string cell = fmt::format("{:>9}", count == 0 ? "." : std::to_string(count));
  out.in(count != 0 && is_bad ? red : "", cell);
}

void add_conditions(Writer& out, const Verdict& verdict) {
  std::size_t width = 9;
  for (const auto& [name, count] : verdict.conditions) width = std::max(width, name.size());
  out.add("{:<{}} {:>9}{:>9}{:>9}{:>9}\n", "condition", width, "true +", "false +", "false -", "true -");
  for (const auto& [name, count] : verdict.conditions) {
    out.add("{:<{}} ", name, width);
    add_count(out, count.true_positive, false);
    add_count(out, count.false_positive, true);
    add_count(out, count.false_negative, true);
    add_count(out, count.true_negative, false);
    out.add("\n");
  }
}

void add_host(Writer& out, const Host& host, const HostVerdict& verdict) {
  if (verdict.all_right()) return;
  out.in(red, host.name).add(": {} of {} right", verdict.right, verdict.targets);
  if (verdict.missing > 0) out.add(", {} without a result", verdict.missing);
  if (verdict.duplicate > 0) out.add(", {} results too many", verdict.duplicate);
  out.add("\n");
  for (const auto& [condition, wrong] : verdict.wrong) {
    if (wrong.unexpected > 0) out.add("  {} found, which is not so: {} times", condition, wrong.unexpected);
    if (wrong.missed > 0) out.add("  {} not found, which is so: {} times", condition, wrong.missed);
    out.add(" (first {})\n", wrong.example);
  }
}

void add_summary(Writer& out, const Scenario& scenario, const Verdict& verdict) {
  std::uint64_t right = 0, missing = 0;
  for (const HostVerdict& host : verdict.hosts) {
    right += host.right;
    missing += host.missing;
  }
  out.in(verdict.all_right() ? green : red, verdict.all_right() ? "all right" : "NOT all right");
  out.add(": {} in scenario '{}': {} of {} targets right", verdict.measurement, scenario.name, right,
          verdict.targets());
  if (missing > 0) out.add(", {} without a result", missing);
  if (verdict.foreign > 0) out.add(", {} results of no target", verdict.foreign);
  if (verdict.unreadable > 0)
    out.add(", {} unreadable lines ({})", verdict.unreadable, verdict.unreadable_example);
  out.add("\n");
}

std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

// `{"a":1,"b":2}` piece by piece.
class JsonObject {
 public:
  JsonObject& raw(std::string_view key, std::string_view value) {
    text_ += fmt::format("{}{}:{}", text_.size() > 1 ? "," : "", quoted(key), value);
    return *this;
  }
  JsonObject& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  std::string done() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

std::string json_of(const ConditionCount& count) {
  return JsonObject()
      .number("true_positive", count.true_positive)
      .number("false_positive", count.false_positive)
      .number("false_negative", count.false_negative)
      .number("true_negative", count.true_negative)
      .number("undecided", count.undecided)
      .done();
}

std::string json_of(const HostVerdict& host) {
  JsonObject wrong;
  for (const auto& [condition, w] : host.wrong)
    wrong.raw(condition, JsonObject()
                             .number("unexpected", w.unexpected)
                             .number("missed", w.missed)
                             .raw("example", quoted(w.example))
                             .done());
  return JsonObject()
      .number("targets", host.targets)
      .number("right", host.right)
      .number("missing", host.missing)
      .number("duplicate", host.duplicate)
      .raw("wrong", wrong.done())
      .done();
}

}  // namespace

std::string verdict_text(const Scenario& scenario, const Verdict& verdict, bool color) {
  Writer out(color);
  add_conditions(out, verdict);
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i) add_host(out, scenario.hosts[i], verdict.hosts[i]);
  add_summary(out, scenario, verdict);
  return out.take();
}

std::string verdict_line(const Scenario& scenario, const Verdict& verdict, bool color) {
  Writer out(color);
  add_summary(out, scenario, verdict);
  return out.take();
}

std::string verdict_json(const Scenario& scenario, const Verdict& verdict) {
  JsonObject conditions, hosts;
  for (const auto& [name, count] : verdict.conditions) conditions.raw(name, json_of(count));
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i)
    hosts.raw(scenario.hosts[i].name, json_of(verdict.hosts[i]));
  return JsonObject()
             .raw("scenario", quoted(scenario.name))
             .raw("measurement", quoted(verdict.measurement))
             .raw("all_right", verdict.all_right() ? "true" : "false")
             .number("targets", verdict.targets())
             .number("results", verdict.results)
             .number("foreign", verdict.foreign)
             .number("unreadable", verdict.unreadable)
             .raw("conditions", conditions.done())
             .raw("hosts", hosts.done())
             .done() +
         "\n";
}

}  // namespace spiderling::lab
