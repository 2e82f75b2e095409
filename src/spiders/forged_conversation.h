// A forged packet in the place of a connection.
#pragma once

#include <memory>

#include "connect/connect_context.h"
#include "spiders/network.h"

namespace spiderling {

/// The packet of plan.forger that the plan asks for, forged and accepted, on reserved ends. Not possible:
/// discard also where the measurement throws, or forges what is not its own to send.
tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare_forged(
    std::shared_ptr<ConnectContext> shared, const ConversationPlan& plan);

}  // namespace spiderling
