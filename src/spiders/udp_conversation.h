// A question and its answer in datagrams, in the place of a connection.
#pragma once

#include <memory>

#include "connect/connect_context.h"
#include "spiders/network.h"

namespace spiderling {

/// On reserved ends, with the question of the plan's job. Not possible: skipped also where the job's domain
/// is no name of DNS.
tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare_udp(std::shared_ptr<ConnectContext> shared,
                                                                     const ConversationPlan& plan);

}  // namespace spiderling
