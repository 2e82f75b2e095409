#include "spiders/udp_conversation.h"

#include <algorithm>
#include <utility>

#include "connect/dns_exchange.h"
#include "connect/udp_socket.h"
#include "spiderling/headers/ip.h"

namespace spiderling {

namespace {

class UdpConversation final : public Conversation {
 public:
  UdpConversation(std::shared_ptr<ConnectContext> shared, const DnsQuery& query)
      : socket_(std::move(shared)), query_(query) {}

  Outcome prepare(const ConversationPlan& plan) {
    Outcome outcome = socket_.prepare(plan.job->dip, plan.port, *plan.setup, plan.mark);
    const ConnectionEnds& ends = socket_.ends();
    flow_ = {ends.sip, ends.dip, ends.sp, ends.dp, static_cast<std::uint8_t>(IpProtocol::udp)};
    return outcome;
  }

  const ExpectedFlow& flow() const override { return flow_; }
  bool wants_another_port() const override { return false; }
  PortLease take_lease() override { return socket_.take_lease(); }

  asio::awaitable<ConnectionRecord> connect(Deadline deadline) override {
    const DnsExchange exchange = co_await ask_dns(socket_, query_, deadline);
    ConnectionRecord record = record_of(exchange.outcome);
    exchange.add_fields_to(record);
    co_return record;
  }
  // There is no handshake: the measurement says what is to be said.
  asio::awaitable<ConnectionRecord> tcp_connect(Deadline) override { co_return record_of({}); }
  asio::awaitable<bool> send(std::string_view bytes, Deadline deadline) override {
    const Bytes datagram{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    co_return (co_await socket_.send(datagram, deadline)).ok();
  }
  asio::awaitable<std::string> receive(std::size_t most, Deadline deadline) override {
    Received received = co_await socket_.receive(deadline);
    received.bytes.resize(std::min(most, received.bytes.size()));
    co_return std::move(received.bytes);
  }

 private:
  ConnectionRecord record_of(const Outcome& outcome) const {
    ConnectionRecord record;
    record.state = outcome.state;
    record.reason = outcome.reason;
    record.sip = flow_.sip;
    record.sp = flow_.sp;
    return record;
  }

  UdpSocket socket_;
  const DnsQuery query_;
  ExpectedFlow flow_;
};

}  // namespace

tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare_udp(std::shared_ptr<ConnectContext> shared,
                                                                     const ConversationPlan& plan) {
  const auto query = dns_query_for(*plan.job);
  if (!query) return tl::unexpected(NotPossible{ConnectionState::skipped, query.error().message});
  auto conversation = std::make_unique<UdpConversation>(std::move(shared), *query);
  if (Outcome outcome = conversation->prepare(plan); !outcome.ok())
    return tl::unexpected(NotPossible{outcome.state, std::move(outcome.reason)});
  return conversation;
}

}  // namespace spiderling
