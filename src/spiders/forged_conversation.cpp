#include "spiders/forged_conversation.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "connect/forged_packet.h"
#include "spiders/await_task.h"

namespace spiderling {

namespace {

using namespace std::chrono_literals;

constexpr auto queue_pause = 1ms;  // before an interface that had no room is tried again

class ForgedConversation final : public Conversation {
 public:
  explicit ForgedConversation(std::shared_ptr<ConnectContext> shared)
      : pause_(shared->io), watch_(shared->deadlines, *this), packet_(std::move(shared)) {}

  Outcome prepare(const ConversationPlan& plan) {
    const IpProtocol protocol = plan.forger->protocol(plan.mode);
    Outcome reserved = packet_.reserve(plan.job->dip, plan.port, protocol, *plan.setup, plan.mark);
    if (!reserved.ok()) return reserved;
    const ConnectionEnds& ends = packet_.ends();
    flow_ = {ends.sip, ends.dip, ends.sp, ends.dp, static_cast<std::uint8_t>(protocol)};
    return packet_.load(
        plan.forger->forge(*plan.job, plan.number, {ends.sip, ends.dip, ends.sp, ends.dp, plan.mode}));
  }

  const ExpectedFlow& flow() const override { return flow_; }
  bool wants_another_port() const override { return false; }
  bool unanswered() const override { return !answered_; }
  PortLease take_lease() override { return packet_.take_lease(); }
  void answered() override {
    answered_ = true;
    pause_.cancel();
  }

  asio::awaitable<ConnectionRecord> connect(Deadline deadline) override {
    const Outcome sent = co_await send_packet(deadline);
    if (sent.ok()) co_await wait_for_answer(deadline);
    ConnectionRecord record;
    record.state = sent.state;
    record.reason = sent.reason;
    record.sip = flow_.sip;
    record.sp = flow_.sp;
    co_return record;
  }
  asio::awaitable<ConnectionRecord> tcp_connect(Deadline deadline) override { return connect(deadline); }
  // Nothing stands that one could talk over.
  asio::awaitable<bool> send(std::string_view, Deadline) override { co_return false; }
  asio::awaitable<std::string> receive(std::size_t, Deadline) override { co_return std::string(); }

 private:
  class Watch final : public DeadlineQueue::Watch {
   public:
    Watch(DeadlineQueue& queue, ForgedConversation& owner) : DeadlineQueue::Watch(queue), owner_(owner) {}

   private:
    void on_deadline() override { owner_.pause_.cancel(); }
    ForgedConversation& owner_;
  };

  asio::awaitable<Outcome> send_packet(Deadline deadline) {
    while (true) {
      if (auto sent = packet_.send()) co_return std::move(*sent);
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline) break;
      pause_.expires_at(std::min(deadline, now + queue_pause));
      co_await pause();
    }
    co_return Outcome::discard("the interface had no room for the packet in time");
  }

  asio::awaitable<void> wait_for_answer(Deadline deadline) {
    if (answered_ || deadline <= std::chrono::steady_clock::now()) co_return;
    pause_.expires_at(Deadline::max());
    watch_.set(deadline);
    co_await pause();
    watch_.clear();
  }
  asio::awaitable<void> pause() {
    boost::system::error_code ignored;
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  asio::steady_timer pause_;
  Watch watch_;
  ForgedPacket packet_;
  ExpectedFlow flow_;
  bool answered_ = false;
};

NotPossible not_possible(Outcome outcome) { return {outcome.state, std::move(outcome.reason)}; }

}  // namespace

tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare_forged(
    std::shared_ptr<ConnectContext> shared, const ConversationPlan& plan) {
  auto conversation = std::make_unique<ForgedConversation>(std::move(shared));
  try {
    if (Outcome outcome = conversation->prepare(plan); !outcome.ok())
      return tl::unexpected(not_possible(std::move(outcome)));
  } catch (...) {
    const std::string reason = reason_of(std::current_exception());
    return tl::unexpected(NotPossible{ConnectionState::discard, "the measurement failed: " + reason});
  }
  return conversation;
}

}  // namespace spiderling
