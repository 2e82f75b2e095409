// What the hub tells of itself.
#pragma once

#include <string>
#include <string_view>

namespace spiderling {

class HubState;

inline constexpr std::string_view status_chef = "SystemStatusChef";

/// The payload of a status dumpling, as netdumplings' hub makes it, and behind its keys ours:
/// total_dumplings_dropped, total_dumplings_invalid, rejected_connections. A kitchen that told how its chefs
/// are has `chefs` beside its hello, as in KitchenStatus, as long as there is room. The lists of kitchens and
/// eaters end where together they have half a megabyte (which WebSocket clients take by default); the counts
/// are those of all.
std::string status_payload(const HubState& hub);
/// {"metadata": {"chef": "SystemStatusChef", ...}, "payload": ...}
std::string status_dumpling(const HubState& hub);

/// The same and more for Prometheus, text format 0.0.4.
std::string metrics_text(const HubState& hub);

}  // namespace spiderling
