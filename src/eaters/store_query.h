// Dumplings out of an SQLite file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spiderling/eater.h"

namespace spiderling {

struct StoreQuery {
  std::optional<double> since{};  ///< seconds since the epoch, included
  std::optional<double> until{};  ///< not included
  std::vector<std::string> chefs{};
  std::vector<std::string> kitchens{};
  std::optional<std::uint64_t> limit{};  ///< the newest so many of what fits
};

/// Calls `use` with the dumplings that fit, by creation time, until it returns false. Their `payload` is not
/// set apart: `json` holds all. Returns how many there were. Reads while another program writes.
Result<std::uint64_t> query_store(const std::string& path, const StoreQuery& query,
                                  const std::function<bool(const EatenDumpling&)>& use);

/// A point in time: "2026-11-22T02:15:00" (local), "2026-11-22T02:15:00Z" (UTC), "2026-11-22", seconds since
/// the epoch
/// ("1515990765.9"), or how long ago: "30s", "15m", "2h", "7d".
Result<double> parse_time(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace spiderling
