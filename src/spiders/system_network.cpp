#include "spiders/system_network.h"

#include <utility>

#include "connect/connector.h"
#include "spiderling/packet.h"
#include "spiders/forged_conversation.h"
#include "spiders/udp_conversation.h"

namespace spiderling {

namespace {

class TcpConversation final : public Conversation {
 public:
  TcpConversation(std::shared_ptr<ConnectContext> shared, const ConversationPlan& plan)
      : connector_(std::move(shared), plan.mode, *plan.job, plan.port, plan.http) {}
  ~TcpConversation() override { connector_.end(); }

  Outcome prepare(const ConversationPlan& plan) {
    Outcome outcome = connector_.prepare(*plan.setup, plan.mark);
    const ConnectionEnds& ends = connector_.ends();
    flow_ = {ends.sip, ends.dip, ends.sp, ends.dp, static_cast<std::uint8_t>(IpProtocol::tcp)};
    return outcome;
  }

  const ExpectedFlow& flow() const override { return flow_; }
  bool wants_another_port() const override { return connector_.port_taken(); }

  asio::awaitable<ConnectionRecord> connect(Deadline deadline) override { return connector_.run(deadline); }
  asio::awaitable<ConnectionRecord> tcp_connect(Deadline deadline) override {
    return connector_.tcp_connect(deadline);
  }
  asio::awaitable<bool> send(std::string_view bytes, Deadline deadline) override {
    if (!connector_.stands()) co_return false;
    co_return (co_await send_all(connector_.stream(), bytes, deadline)).ok();
  }
  asio::awaitable<std::string> receive(std::size_t most, Deadline deadline) override {
    if (!connector_.stands()) co_return std::string();
    co_return (co_await receive_some(connector_.stream(), most, deadline)).bytes;
  }
  int socket() const override { return connector_.socket(); }
  PortLease take_lease() override { return connector_.take_lease(); }

 private:
  Connector connector_;
  ExpectedFlow flow_;
};

}  // namespace

tl::expected<std::unique_ptr<Conversation>, NotPossible> SystemNetwork::prepare(
    const ConversationPlan& plan) {
  if (plan.job->dip.version == IpVersion::none) {
    return tl::unexpected(NotPossible{ConnectionState::skipped, "the job names no address"});
  }
  if (plan.forger != nullptr) return prepare_forged(shared_, plan);
  if (plan.mode == ConnectMode::dnsudp) return prepare_udp(shared_, plan);
  auto conversation = std::make_unique<TcpConversation>(shared_, plan);
  if (Outcome outcome = conversation->prepare(plan); !outcome.ok()) {
    return tl::unexpected(NotPossible{outcome.state, std::move(outcome.reason)});
  }
  return conversation;
}

}  // namespace spiderling
