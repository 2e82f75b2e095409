// Flow records and results as dumplings.
#pragma once

#include <string>
#include <string_view>

#include "kitchen/dumpling_lines.h"
#include "kitchen/hub_delivery.h"

namespace spiderling::app {

/// The chef that the flow records of `observe` are dumplings of.
inline constexpr std::string_view flow_chef = "FlowObserver";

/// Brings records to a hub, each as the payload of a dumpling of one chef, driver `packet`. One thread.
class RecordDumplings {
 public:
  RecordDumplings(HubDeliveryOptions options, std::string_view chef, std::string_view kitchen);

  /// Whole records, one a line. Always true: a record that finds no room is dropped, and counted.
  bool write(std::string_view records);
  /// Delivers what waits, for a few seconds at most.
  HubDeliveryCounters finish();

 private:
  HubDelivery hub_;
  DumplingLines lines_;
  DumplingLabel label_;
};

}  // namespace spiderling::app
