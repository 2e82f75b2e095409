#include "host/undo.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace spiderling {
namespace {

constexpr std::size_t longest_table_name = 64;

// --- text ---

bool is_plain(char c) { return c > ' ' && c <= '~' && c != '%'; }

// As in URLs: what is not plain is %XX, so that a field never holds a blank or a newline. An empty field is a
// lone %.
std::string escaped(std::string_view text) {
  if (text.empty()) return "%";
  std::string result;
  for (const char c : text) {
    if (is_plain(c))
      result += c;
    else
      result += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return result;
}

std::optional<std::string> unescaped(std::string_view text) {
  if (text == "%") return std::string();
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      result += text[at];
      continue;
    }
    unsigned value = 0;
    if (at + 2 >= text.size()) return std::nullopt;
    const auto [end, fault] = std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16);
    if (fault != std::errc{} || end != text.data() + at + 3) return std::nullopt;
    result += static_cast<char>(value);
    at += 2;
  }
  return result;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return fields;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Family> family(std::string_view text) {
  if (text == "4") return Family::v4;
  if (text == "6") return Family::v6;
  return std::nullopt;
}

char digit_of(Family family) { return family == Family::v4 ? '4' : '6'; }

// --- what may be ours ---

bool is_our_table(std::uint32_t table) { return table >= first_table && table - first_table < table_count; }

bool is_our_nft_table(std::string_view name) {
  const auto is_allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return name.starts_with(nft_table_prefix) && name.size() <= longest_table_name &&
         std::ranges::all_of(name, is_allowed);
}

std::optional<Undo> parse_sysctl(std::span<const std::string_view> fields) {
  if (fields.size() != 3) return std::nullopt;
  const auto name = unescaped(fields[0]), before = unescaped(fields[1]), written = unescaped(fields[2]);
  if (!name || !before || !written || !is_sysctl_name(*name)) return std::nullopt;
  return UndoSysctl{*name, *before, *written};
}

std::optional<Undo> parse_found(std::span<const std::string_view> fields) {
  if (fields.size() != 2) return std::nullopt;
  const auto name = unescaped(fields[0]), before = unescaped(fields[1]);
  if (!name || !before || !is_sysctl_name(*name) || !name->starts_with("net.")) return std::nullopt;
  return UndoFound{*name, *before};
}

std::optional<Undo> parse_rule_undo(std::span<const std::string_view> fields) {
  if (fields.size() != 4) return std::nullopt;
  const auto of = family(fields[0]);
  const auto preference = number(fields[1]), mark = number(fields[2]), table = number(fields[3]);
  if (!of || !preference || !mark || !table) return std::nullopt;
  if (*mark == 0 || (*mark & ~mark_mask) != 0 || !is_our_table(*table)) return std::nullopt;
  return UndoRule{{.family = *of,
                   .preference = *preference,
                   .mark = *mark,
                   .mask = mark_mask,
                   .table = *table,
                   .protocol = our_protocol}};
}

std::optional<Undo> parse_routes(std::span<const std::string_view> fields) {
  if (fields.size() != 2) return std::nullopt;
  const auto of = family(fields[0]);
  const auto table = number(fields[1]);
  if (!of || !table || !is_our_table(*table)) return std::nullopt;
  return UndoRoutes{*of, *table};
}

std::optional<Undo> parse_fields(std::string_view kind, std::span<const std::string_view> fields) {
  if (kind == "sysctl") return parse_sysctl(fields);
  if (kind == "found") return parse_found(fields);
  if (kind == "nft" && fields.size() == 1 && is_our_nft_table(fields[0]))
    return UndoNftTable{std::string(fields[0])};
  if (kind == "rule") return parse_rule_undo(fields);
  if (kind == "routes") return parse_routes(fields);
  return std::nullopt;
}

struct ToText {
  std::string operator()(const UndoSysctl& undo) const {
    return fmt::format("sysctl {} {} {}", escaped(undo.name), escaped(undo.before), escaped(undo.written));
  }
  std::string operator()(const UndoFound& undo) const {
    return fmt::format("found {} {}", escaped(undo.name), escaped(undo.before));
  }
  std::string operator()(const UndoNftTable& undo) const { return fmt::format("nft {}", undo.name); }
  std::string operator()(const UndoRule& undo) const {
    return fmt::format("rule {} {} {} {}", digit_of(undo.rule.family), undo.rule.preference, undo.rule.mark,
                       undo.rule.table);
  }
  std::string operator()(const UndoRoutes& undo) const {
    return fmt::format("routes {} {}", digit_of(undo.family), undo.table);
  }
};

// --- carrying out ---

struct CarryOut {
  Host& host;
  UndoReport& report;

  void operator()(const UndoSysctl& undo) const {
    const auto now = host.sysctls().read(undo.name);
    if (!now) return failed(undo.name, now.error());
    if (*now == undo.before) return;
    if (*now != undo.written) {
      report.left.push_back(
          fmt::format("{} is {}, neither what it was ({}) nor what we had set ({}): someone else's",
                      undo.name, *now, undo.before, undo.written));
      return;
    }
    set(undo.name, undo.before);
  }

  void operator()(const UndoFound& undo) const {
    const auto now = host.sysctls().read(undo.name);
    if (!now || *now == undo.before) return;  // gone with its interface
    set(undo.name, undo.before);
  }

  void set(const std::string& name, const std::string& before) const {
    if (const auto done = host.sysctls().write(name, before); !done) return failed(name, done.error());
    const auto after = host.sysctls().read(name);
    if (!after || *after != before)
      return failed(name, Error{fmt::format("it does not take back its value {}", before)});
    report.put_back.push_back(fmt::format("{} = {}", name, before));
  }

  void operator()(const UndoNftTable& undo) const {
    const std::string what = fmt::format("nft table inet {}", undo.name);
    const auto now = host.nft_table(undo.name);
    if (!now) return failed(what, now.error());
    if (!*now) return;
    if (const auto done = host.remove_nft_table(undo.name); !done) return failed(what, done.error());
    report.put_back.push_back("no " + what);
  }

  void operator()(const UndoRule& undo) const {
    const std::string what = fmt::format("{} rule for mark {:#x}", name_of(undo.rule.family), undo.rule.mark);
    const auto now = host.rules(undo.rule.family);
    if (!now) return failed(what, now.error());
    if (std::ranges::find(*now, undo.rule) == now->end()) return;
    if (const auto done = host.remove_rule(undo.rule); !done) return failed(what, done.error());
    report.put_back.push_back("no " + what);
  }

  void operator()(const UndoRoutes& undo) const {
    const std::string what = fmt::format("{} routes in table {}", name_of(undo.family), undo.table);
    const auto now = host.routes(undo.family, undo.table);
    if (!now) return failed(what, now.error());
    bool any = false;
    // The last one first: a gateway's route goes before the link's that it needs.
    for (auto route = now->rbegin(); route != now->rend(); ++route) {
      if (route->protocol != our_protocol) continue;
      if (const auto done = host.remove_route(*route); !done) return failed(what, done.error());
      any = true;
    }
    if (any) report.put_back.push_back("no " + what);
  }

  void failed(const std::string& what, const Error& why) const {
    report.failed.push_back(fmt::format("{}: {}", what, why.message));
  }
};

}  // namespace

std::string undo_to_text(const Undo& undo) { return std::visit(ToText{}, undo); }

Result<Undo> undo_from_text(std::string_view line) {
  const auto fields = fields_of(line);
  if (!fields.empty()) {
    if (auto undo = parse_fields(fields[0], std::span(fields).subspan(1))) return *undo;
  }
  return error("'{}' is nothing that spiderling writes", line.substr(0, 100));
}

std::string UndoReport::text() const {
  std::string text;
  const auto add = [&](std::string_view title, const std::vector<std::string>& items) {
    if (items.empty()) return;
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {}", title, fmt::join(items, ", "));
  };
  add("put back", put_back);
  add("left as it is", left);
  add("could not be put back", failed);
  return text.empty() ? "nothing was left to put back" : text;
}

UndoReport carry_out(Host& host, std::span<const Undo> undos) {
  UndoReport report;
  for (auto undo = undos.rbegin(); undo != undos.rend(); ++undo) std::visit(CarryOut{host, report}, *undo);
  return report;
}

}  // namespace spiderling
