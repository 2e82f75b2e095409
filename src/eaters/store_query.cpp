#include "eaters/store_query.h"

#include <charconv>
#include <cmath>
#include <ctime>

#include "eaters/database.h"

namespace spiderling {

namespace {

// "chef IN (?,?)"
std::string is_one_of(std::string_view column, std::size_t count) {
  return fmt::format("{} IN ({})", column, fmt::join(std::vector<std::string_view>(count, "?"), ","));
}

std::string sql_of(const StoreQuery& query) {
  std::vector<std::string> conditions{"1"};
  if (query.since) conditions.emplace_back("creation_time >= ?");
  if (query.until) conditions.emplace_back("creation_time < ?");
  if (!query.chefs.empty()) conditions.push_back(is_one_of("chef", query.chefs.size()));
  if (!query.kitchens.empty()) conditions.push_back(is_one_of("kitchen", query.kitchens.size()));
  const std::string select =
      fmt::format("SELECT creation_time, chef, kitchen, driver, json, id FROM dumplings WHERE {}",
                  fmt::join(conditions, " AND "));
  if (!query.limit) return fmt::format("{} ORDER BY creation_time, id", select);
  // The newest, and these in the order of their time.
  return fmt::format(
      "SELECT * FROM ({} ORDER BY creation_time DESC, id DESC LIMIT ?) ORDER BY creation_time, id", select);
}

void bind(sqlite3_stmt* statement, const StoreQuery& query) {
  int index = 0;
  if (query.since) sqlite3_bind_double(statement, ++index, *query.since);
  if (query.until) sqlite3_bind_double(statement, ++index, *query.until);
  for (const auto& chef : query.chefs) bind_text(statement, ++index, chef);
  for (const auto& kitchen : query.kitchens) bind_text(statement, ++index, kitchen);
  if (query.limit) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    sqlite3_bind_int64(statement, ++index, static_cast<std::int64_t>(std::min(*query.limit, most)));
  }
}

EatenDumpling row_of(sqlite3_stmt* statement) {
  EatenDumpling dumpling;
  dumpling.creation_time = sqlite3_column_double(statement, 0);
  dumpling.chef = column_text(statement, 1);
  if (sqlite3_column_type(statement, 2) != SQLITE_NULL) dumpling.kitchen = column_text(statement, 2);
  const bool interval = column_text(statement, 3) == "interval";
  dumpling.driver = interval ? DumplingDriver::interval : DumplingDriver::packet;
  dumpling.json = column_text(statement, 4);
  return dumpling;
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, problem] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<double> seconds_of_unit(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return std::nullopt;
  }
}

std::optional<double> parse_date(const std::string& text) {
  const bool utc = text.ends_with('Z');
  const std::string plain = utc ? text.substr(0, text.size() - 1) : text;
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm time{};
    const char* end = strptime(plain.c_str(), format, &time);
    if (end == nullptr) continue;
    double fraction = 0;
    if (*end == '.') {
      const auto parsed = parse_number(fmt::format("0{}", end));
      if (!parsed) return std::nullopt;
      fraction = *parsed;
    } else if (*end != '\0') {
      continue;
    }
    time.tm_isdst = -1;
    return static_cast<double>(utc ? timegm(&time) : mktime(&time)) + fraction;
  }
  return std::nullopt;
}

}  // namespace

Result<double> parse_time(std::string_view text, std::chrono::system_clock::time_point now) {
  if (const auto number = parse_number(text)) return *number;
  if (text.size() > 1) {
    const auto unit = seconds_of_unit(text.back());
    const auto number = parse_number(text.substr(0, text.size() - 1));
    if (unit && number && *number >= 0) {
      return std::chrono::duration<double>(now.time_since_epoch()).count() - *number * *unit;
    }
  }
  if (const auto date = parse_date(std::string(text))) return *date;
  return error(
      "'{}' is no time: write 2026-11-22T02:15:00 (with Z behind it for UTC), seconds since 1970, or 15m, "
      "2h, 7d "
      "for so long ago",
      text);
}

Result<std::uint64_t> query_store(const std::string& path, const StoreQuery& query,
                                  const std::function<bool(const EatenDumpling&)>& use) {
  const auto database = open_store(path, false);
  if (!database) return tl::unexpected(database.error());
  const auto statement = prepare(database->get(), sql_of(query));
  if (!statement) return error("cannot read the store {}: {}", path, sqlite3_errmsg(database->get()));
  bind(statement.get(), query);
  std::uint64_t rows = 0;
  int status = sqlite3_step(statement.get());
  for (; status == SQLITE_ROW; status = sqlite3_step(statement.get())) {
    ++rows;
    if (!use(row_of(statement.get()))) return rows;
  }
  if (status != SQLITE_DONE)
    return error("cannot read the store {}: {}", path, sqlite3_errmsg(database->get()));
  return rows;
}

}  // namespace spiderling
