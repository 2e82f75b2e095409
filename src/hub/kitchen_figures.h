// What kitchens tell the hub of their chefs, in dumplings of KitchenStatusChef.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dumplings/kitchen_status.h"

namespace spiderling {

class HubState;

/// The latest status of one kitchen, if it has told one. All kitchens together have a limit, since each
/// handler is several series of metrics. One thread.
class KitchenFigures {
 public:
  /// Handlers of all kitchens of a hub; what a kitchen says beyond that is not kept.
  static constexpr std::size_t most_handlers = 4096;

  /// `held`: by all kitchens; outlives this.
  explicit KitchenFigures(std::size_t& held) : held_(held) {}
  ~KitchenFigures() { held_ -= own_; }
  KitchenFigures(const KitchenFigures&) = delete;
  KitchenFigures& operator=(const KitchenFigures&) = delete;

  /// The payload of such a dumpling. Error: it is none, or the hub keeps no more; what was told before stays.
  Result<void> take(std::string_view payload);
  const std::vector<ChefReport>& chefs() const { return chefs_; }

 private:
  std::size_t& held_;
  std::size_t own_ = 0;
  std::vector<ChefReport> chefs_;
};

/// The series spiderling_chef_...{kitchen=,host=,port=,chef=,handler=} of all kitchens, for Prometheus; those
/// of queues, and whether a chef was set aside, without a handler.
void append_chef_metrics(std::string& out, const HubState& hub);

}  // namespace spiderling
