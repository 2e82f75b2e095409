// What a kitchen tells of its chefs, as a dumpling among the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/handler_meter.h"

namespace spiderling {

/// The chef that such dumplings are of, driver `interval`. A hub or an eater that does not know it takes
/// them for any chef's.
inline constexpr std::string_view kitchen_status_chef = "KitchenStatusChef";

struct HandlerReport {
  std::string handler;  ///< "packet_handler", "interval_handler"
  HandlerFigures figures;
};

/// Of a chef that gets its packets through a queue of its own.
struct QueueFigures {
  std::uint64_t waiting = 0;        ///< packets and pokes that have not been handled yet
  std::uint64_t dropped = 0;        ///< packets that found no room
  std::uint64_t skipped_pokes = 0;  ///< pokes that came while the one before was still waiting
};

struct ChefReport {
  std::string chef;
  bool set_aside = false;  ///< it failed again and again, and gets nothing more
  std::vector<HandlerReport> handlers;
  std::optional<QueueFigures> queue{};
};

/// For a chef whose handlers are not run by its kitchen but, say, in a thread of Python's, and are measured
/// there: a kitchen asks it for its report. Derived from beside Chef. Called by the kitchen's thread.
class MeteredElsewhere {
 public:
  virtual ~MeteredElsewhere() = default;
  virtual ChefReport report() const = 0;
};

/// A value. All numbers are since the kitchen has opened.
struct KitchenStatus {
  double uptime = 0;  ///< seconds
  std::uint64_t packets = 0;
  std::uint64_t malformed = 0;
  std::uint64_t dumplings = 0;
  std::vector<ChefReport> chefs;

  /// The payload of the dumpling:
  ///     {"uptime":12.500,"packets":10,"malformed":0,"dumplings":4,"chefs":[{"chef":"ARPChef","set_aside":false,
  ///      "handlers":[{"handler":"packet_handler","calls":10,"failures":0,"blocked":0,"busy_seconds":0.000001200,
  ///                   "longest_seconds":0.000000300}],
  ///      "queue":{"waiting":0,"dropped":0,"skipped_pokes":0}}]}
  /// where `queue` is of chefs that have one.
  std::string json() const;

  // Of what a kitchen says of itself a hub keeps no more.
  static constexpr std::size_t most_chefs = 64;
  static constexpr std::size_t most_handlers = 64;  ///< of a chef
  static constexpr std::size_t longest_name = 128;  ///< bytes

  /// What somebody wrote. Error: it is not that, names are too long, empty or come twice, there are too many
  /// of them, or a number is negative or beyond any good sense. `payload` was found to be JSON.
  static Result<KitchenStatus> read(std::string_view payload);
};

/// [{"chef":...}, ...], as in the payload: at the end of `out`.
void append_chefs(std::string& out, const std::vector<ChefReport>& chefs);

}  // namespace spiderling
