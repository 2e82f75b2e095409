#include "campaign/time_text.h"

#include <chrono>
#include <cstdint>

namespace spiderling {
namespace {

/// Takes a text apart, from the front.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}

  /// So many digits.
  bool number(std::size_t digits, int& value) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return false;
      value = 10 * value + (c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  bool one_of(std::string_view letters) {
    if (rest_.empty() || letters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// What follows the point of a second; further digits than nine are left out.
  bool fraction(std::int64_t& ns) {
    ns = 0;
    if (!one_of(".")) return true;
    std::int64_t unit = 100'000'000;
    int digit = 0;
    if (!number(1, digit)) return false;
    do {
      ns += unit * digit;
      unit /= 10;
    } while (number(1, digit));
    return true;
  }
  bool is_done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<Timestamp> parse_time(std::string_view text) {
  using namespace std::chrono;
  Scan scan(text);
  int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0;
  std::int64_t ns = 0;
  if (!scan.number(4, y) || !scan.one_of("-") || !scan.number(2, mon) || !scan.one_of("-") ||
      !scan.number(2, d) || !scan.one_of("Tt ") || !scan.number(2, h) || !scan.one_of(":") ||
      !scan.number(2, min) || !scan.one_of(":") || !scan.number(2, s) || !scan.fraction(ns))
    return std::nullopt;
  if (!scan.one_of("Zz")) scan.word("+00:00");
  if (!scan.is_done()) return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(mon)), day(static_cast<unsigned>(d))};
  constexpr int first_year = 1678, last_year = 2261;  // whole years that fit
  if (!date.ok() || y < first_year || y > last_year || h > 23 || min > 59 || s > 60) return std::nullopt;
  const auto whole = sys_days(date) + hours(h) + minutes(min) + seconds(s);
  return Timestamp(whole.time_since_epoch() + nanoseconds(ns));
}

}  // namespace spiderling
