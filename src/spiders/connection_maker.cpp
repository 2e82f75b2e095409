#include "spiders/connection_maker.h"

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "spiders/await_task.h"

namespace spiderling {

namespace {

constexpr int most_ports = 16;  // that are tried for one connection

}  // namespace

struct ConnectionMaker::Making {
  std::uint64_t id;
  std::size_t number;
  const Job& job;
  const std::any& prepared;
  Deadline deadline;
  ConnectionRecord record;
  std::unique_ptr<Conversation> conversation;
  bool expected = false;
  bool by_itself = false;  // the measurement may use sockets that we do not know

  std::uint64_t token() const { return Merger::token(id, number); }
};

// What a measurement's own connect() is given.
class ConnectionMaker::OwnWorker final : public Worker {
 public:
  OwnWorker(ConnectionMaker& maker, Making& making, asio::any_io_executor executor)
      : maker_(maker), making_(making), executor_(std::move(executor)) {}

  const Job& job() const override { return making_.job; }
  std::size_t run() const override { return making_.number; }
  const std::any& prepared() const override { return making_.prepared; }
  ConnectMode mode() const override { return maker_.plan_.options.mode; }
  std::uint16_t port() const override { return maker_.port_of(making_.job); }

  Task<ConnectionRecord> connect() override { return connect_as(Extent::whole_mode); }
  Task<ConnectionRecord> tcp_connect() override { return connect_as(Extent::handshake); }
  Task<bool> send(std::string_view bytes) override {
    if (!making_.conversation) co_return false;
    co_return co_await InTask<bool>(executor_, making_.conversation->send(bytes, making_.deadline),
                                    maker_.plan_.watch());
  }
  Task<std::string> receive(std::size_t most) override {
    if (!making_.conversation) co_return std::string();
    co_return co_await InTask<std::string>(executor_, making_.conversation->receive(most, making_.deadline),
                                           maker_.plan_.watch());
  }
  int socket() const override { return making_.conversation ? making_.conversation->socket() : -1; }
  void connects_by_itself() override {
    if (std::exchange(making_.by_itself, true)) return;
    maker_.watch_.expect_towards(making_.job.dip, making_.token());
  }

 private:
  Task<ConnectionRecord> connect_as(Extent extent) {
    co_await InTask<bool>(executor_, connected_as(extent), maker_.plan_.watch());
    co_return making_.record;
  }
  asio::awaitable<bool> connected_as(Extent extent) {
    co_await maker_.connect(making_, extent);
    co_return true;
  }

  ConnectionMaker& maker_;
  Making& making_;
  asio::any_io_executor executor_;
};

asio::awaitable<void> ConnectionMaker::make(std::uint64_t id, std::size_t number, const std::any& prepared,
                                            LetGoOfConfiguration let_go_of_configuration) {
  Making making{
      id, number, merger_.job(id), prepared, std::chrono::steady_clock::now() + plan_.options.timeout,
      {}, {}};
  making.record.start = std::chrono::system_clock::now();
  if (!is_suitable(making)) {
    making.record.stop = making.record.start;
    if (let_go_of_configuration) co_await let_go_of_configuration();
  } else if (plan_.has_own_connect) {
    co_await by_measurement(making, let_go_of_configuration);
  } else {
    try {
      co_await connect(making, Extent::whole_mode);
    } catch (...) {
      making.record.state = ConnectionState::discard;
      making.record.reason = reason_of(std::current_exception());
    }
    making.record.stop = std::chrono::system_clock::now();
    if (let_go_of_configuration) co_await let_go_of_configuration();
  }
  let_go(making);
  ++counters_.by_state[static_cast<std::size_t>(making.record.state)];
  merger_.connection_ended(id, number, std::move(making.record));
}

// Of its flows one is the connection's: ours, or one that the measurement made by itself, which then says so.
void ConnectionMaker::let_go(Making& making) {
  const bool is_another = making.by_itself && making.record.sp != 0 &&
                          !(making.expected && making.conversation->flow().sp == making.record.sp);
  if (making.expected && is_another) take_back(making);
  if (making.conversation) {
    if (forger_ != nullptr) answerable_.erase(making.token());
    if (making.expected) {
      merger_.keep(making.id, making.number, making.conversation->take_lease());
      watch_.let_go(making.conversation->flow(), making.token());
    }
    making.conversation.reset();  // closes
  }
  if (!making.by_itself) return;
  if (is_another) merger_.expect(making.id, making.number);
  watch_.let_go_towards(making.job.dip, is_another ? making.record.sp : std::uint16_t{0}, making.token());
}

asio::awaitable<void> ConnectionMaker::by_measurement(Making& making,
                                                      const LetGoOfConfiguration& let_go_of_configuration) {
  OwnWorker worker(*this, making, co_await asio::this_coro::executor);
  const Timestamp start = making.record.start;
  std::string broken;
  try {
    making.record = co_await await_call(plan_.calls, PluginFunction::connect,
                                        [&] { return plan_.measurement.connect(worker); });
  } catch (...) {
    broken = reason_of(std::current_exception());
    tell(PluginFunction::connect, broken);
  }
  making.record.start = start;
  making.record.stop = std::chrono::system_clock::now();
  if (let_go_of_configuration) co_await let_go_of_configuration();
  try {
    co_await await_call(plan_.calls, PluginFunction::post_connect,
                        [&] { return plan_.measurement.post_connect(worker, making.record); });
  } catch (...) {
    broken = reason_of(std::current_exception());
    tell(PluginFunction::post_connect, broken);
  }
  if (broken.empty()) co_return;
  ++counters_.failures_of_plugin;
  making.record.state = ConnectionState::discard;
  making.record.reason = "the measurement failed: " + broken;
}

bool ConnectionMaker::is_suitable(Making& making) {
  try {
    const PluginCall runs(plan_.calls, PluginFunction::unsuitable);
    making.record.reason = plan_.measurement.unsuitable(making.job);
    return making.record.reason.empty();
  } catch (...) {
    ++counters_.failures_of_plugin;
    const std::string why = reason_of(std::current_exception());
    tell(PluginFunction::unsuitable, why);
    making.record.state = ConnectionState::discard;
    making.record.reason = "the measurement failed: " + why;
    return false;
  }
}

void ConnectionMaker::tell(PluginFunction function, const std::string& why) const {
  if (plan_.calls != nullptr) plan_.calls->failed(function, why);
}

// Until somebody answers, or all attempts are over. What is kept is the last one's: its record and its flow.
asio::awaitable<void> ConnectionMaker::connect(Making& making, Extent extent) {
  if (making.expected) throw std::logic_error("a worker connects once");
  const auto begin = std::chrono::steady_clock::now();
  const auto share = (making.deadline - begin) / static_cast<std::int64_t>(plan_.options.attempts);
  for (std::size_t number = 1;; ++number) {
    const bool last = number >= plan_.options.attempts;
    co_await attempt(making, extent,
                     last ? making.deadline : begin + static_cast<std::int64_t>(number) * share);
    if (last || !making.expected) co_return;
    if (making.record.state != ConnectionState::timeout && !making.conversation->unanswered()) co_return;
    ++counters_.repeats;
    take_back(making);
  }
}

// Registers the flow before its first packet leaves. A pair of port and destination that the kernel still
// remembers (TIME_WAIT) sends none: then another is taken.
asio::awaitable<void> ConnectionMaker::attempt(Making& making, Extent extent, Deadline deadline) {
  const Timestamp start = making.record.start;
  for (int tries = 0; tries < most_ports; ++tries) {
    if (!prepare(making)) co_return;
    Conversation& conversation = *making.conversation;
    merger_.expect(making.id, making.number);
    watch_.expect(conversation.flow(), making.token());
    if (forger_ != nullptr) answerable_[making.token()] = &conversation;
    making.expected = true;  // let go of whatever comes now, be it an exception
    // Not as one expression: GCC 12 destroys the temporaries of `c ? co_await a : co_await b` twice.
    if (extent == Extent::handshake) {
      making.record = co_await conversation.tcp_connect(deadline);
    } else {
      making.record = co_await conversation.connect(deadline);
    }
    making.record.start = start;
    if (!conversation.wants_another_port()) co_return;
    ++counters_.port_retries;
    take_back(making);
  }
  making.record.state = ConnectionState::discard;
  making.record.reason = "every local port that was tried is in use towards this target";
}

// As if it had never been tried: what the observer has seen of it is not waited for.
void ConnectionMaker::take_back(Making& making) {
  making.expected = false;
  watch_.forget(making.conversation->flow(), making.token());
  merger_.forget(making.id, making.number);
  if (forger_ != nullptr) answerable_.erase(making.token());
  making.conversation.reset();  // closes
}

bool ConnectionMaker::prepare(Making& making) {
  const Configuration& configuration = plan_.configurations[making.number];
  std::optional<PluginCall> forges;
  if (forger_ != nullptr) forges.emplace(plan_.calls, PluginFunction::forge);
  auto prepared =
      network_.prepare({&making.job, &configuration.socket, plan_.marks[making.number], port_of(making.job),
                        plan_.options.mode, forger_, making.number, configuration.http});
  if (!prepared) {
    making.record.state = prepared.error().state;
    making.record.reason = std::move(prepared.error().reason);
    return false;
  }
  making.conversation = std::move(*prepared);
  making.record.sip = making.conversation->flow().sip;
  making.record.sp = making.conversation->flow().sp;
  return true;
}

std::uint16_t ConnectionMaker::port_of(const Job& job) const {
  if (job.dp) return *job.dp;
  return forger_ != nullptr ? forger_->port(plan_.options.mode) : default_port(plan_.options.mode);
}

void ConnectionMaker::answered(std::uint64_t token) {
  if (const auto at = answerable_.find(token); at != answerable_.end()) at->second->answered();
}

}  // namespace spiderling
