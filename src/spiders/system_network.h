// The engine's network as it is: connections of this machine.
#pragma once

#include <memory>

#include "connect/connect_context.h"
#include "spiders/network.h"

namespace spiderling {

/// Connections over TCP, questions over UDP, and the packets of measurements that forge. Event loop's thread
/// only. The loop outlives it.
class SystemNetwork final : public Network {
 public:
  explicit SystemNetwork(std::shared_ptr<ConnectContext> shared) : shared_(std::move(shared)) {}

  tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare(const ConversationPlan& plan) override;

 private:
  std::shared_ptr<ConnectContext> shared_;
};

}  // namespace spiderling
