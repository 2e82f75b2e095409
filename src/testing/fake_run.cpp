#include "testing/fake_run.h"

#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "flows/observer.h"
#include "spiderling/dns_query.h"
#include "testing/fake_socket.h"
#include "testing/frames.h"

namespace spiderling::testing {
namespace {

IpAddress our_address(IpVersion version) {
  return *IpAddress::parse(version == IpVersion::v6 ? "2001:db8::1" : "192.0.2.1");
}

IpAddress address_of(std::size_t line, bool ipv6) {
  return *IpAddress::parse(ipv6 ? fmt::format("2001:db8:100::{:x}", line)
                                : fmt::format("198.18.{}.{}", line >> 8, line & 0xff));
}

std::string with_length(std::string_view message) {
  std::string text{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xff)};
  return text.append(message);
}

class MadeUpConversation final : public Conversation {
 public:
  MadeUpConversation(MadeUpNetwork& network, const FakeTarget& target, const ConversationPlan& plan,
                     const ExpectedFlow& flow, PortLease lease, char& cookie)
      : network_(network),
        target_(target),
        plan_(plan),
        flow_(flow),
        lease_(std::move(lease)),
        cookie_(cookie),
        exchange_(target, flow, *plan.setup, kept_) {
    kept_ = cookie != 0;
  }
  ~MadeUpConversation() override { over(); }

  const ExpectedFlow& flow() const override { return flow_; }
  bool wants_another_port() const override { return false; }
  bool unanswered() const override { return plan_.forger != nullptr && !exchange_.answered(); }
  PortLease take_lease() override {
    over();
    return std::move(lease_);
  }

  asio::awaitable<ConnectionRecord> connect(Deadline) override {
    fields_.clear();
    const Ending ending = plan_.forger != nullptr ? forge() : whole_mode();
    co_return record_of(ending);
  }
  asio::awaitable<ConnectionRecord> tcp_connect(Deadline) override {
    if (plan_.mode == ConnectMode::dnsudp) co_return record_of({});  // there is no handshake
    const Ending opened = exchange_.open({});
    if (opened.ok()) socket_.emplace(co_await asio::this_coro::executor, target_, exchange_);
    co_return record_of(opened);
  }
  int socket() const override { return socket_ ? socket_->ours() : -1; }
  asio::awaitable<bool> send(std::string_view bytes, Deadline) override {
    const std::string answer = target_.says ? target_.says(std::string(bytes)) : std::string(bytes);
    const Ending ending =
        plan_.mode == ConnectMode::dnsudp ? exchange_.ask(bytes, answer) : exchange_.say(bytes, answer);
    co_return ending.ok();
  }
  asio::awaitable<std::string> receive(std::size_t most, Deadline) override {
    std::string some = exchange_.heard().substr(given_, most);
    given_ += some.size();
    co_return some;
  }

 private:
  Ending forge() {
    const ForgedEnds ends{flow_.sip, flow_.dip, flow_.sp, flow_.dp, plan_.mode};
    return exchange_.forged(plan_.forger->forge(*plan_.job, plan_.number, ends));
  }
  Ending whole_mode() {
    switch (plan_.mode) {
      case ConnectMode::http:
      case ConnectMode::https: return http();
      case ConnectMode::dnstcp:
      case ConnectMode::dnsudp: return dns();
      case ConnectMode::tcp:
      case ConnectMode::tcpsyn: break;
    }
    Ending opened = exchange_.open("\r\n");
    if (opened.ok() && plan_.setup->fast_open != FastOpen::unused) return exchange_.say("\r\n", {});
    return opened;
  }
  // What TLS and HTTP look like to a chain: bytes both ways. What the connector would add is added.
  Ending http() {
    static constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: target\r\n\r\n";
    const Ending opened = exchange_.open(request);
    if (!opened.ok()) return opened;
    Ending ending = exchange_.say(request, fmt::format("HTTP/1.1 {}\r\n\r\n", target_.http_status));
    if (!ending.ok()) return ending;
    const bool two = target_.http2 && plan_.http != HttpVersion::http1;
    if (plan_.mode == ConnectMode::https) {
      fields_.emplace_back("tls_version", "TLSv1.3");
      fields_.emplace_back("tls_alpn", two ? "h2" : "http/1.1");
    }
    fields_.emplace_back("http_response_code", target_.http_status);
    fields_.emplace_back("http_version", two ? "2" : "1.1");
    return ending;
  }
  Ending dns() {
    const auto query = DnsQuery::make(plan_.job->domain, 0x1234);
    if (!query) return {ConnectionState::discard, "the job's domain is no name of DNS"};
    const std::string question(query->bytes().begin(), query->bytes().end());
    Ending ending;
    if (plan_.mode == ConnectMode::dnsudp) {
      ending = exchange_.ask(question, dns_answer(question));
    } else {
      const std::string asked = with_length(question);
      ending = exchange_.open(asked);
      if (ending.ok()) ending = exchange_.say(asked, with_length(dns_answer(question)));
    }
    if (ending.ok()) fields_.emplace_back("dns_response_code", 0u);
    return ending;
  }
  ConnectionRecord record_of(const Ending& ending) const {
    ConnectionRecord record;
    record.state = ending.state;
    record.reason = ending.reason;
    record.sip = flow_.sip;
    record.sp = flow_.sp;
    record.fields = fields_;
    return record;
  }
  // The packets of the end are in it too; only then the flow may be asked for.
  void over() {
    if (std::exchange(over_, true)) return;
    if (socket_) socket_->finish();
    exchange_.close();
    cookie_ = kept_ ? 1 : 0;
    network_.keep(flow_, {exchange_.packets(), &target_, exchange_.answered()});
  }

  MadeUpNetwork& network_;
  const FakeTarget& target_;
  const ConversationPlan plan_;
  const ExpectedFlow flow_;
  PortLease lease_;
  char& cookie_;
  bool kept_ = false;
  FakeExchange exchange_;
  std::optional<FakeSocket> socket_;
  std::vector<std::pair<std::string, Payload>> fields_;
  std::size_t given_ = 0;
  bool over_ = false;
};

class KeepsStates final : public FlowSink {
 public:
  KeepsStates(const ChainSet& chains, ObservedFlow& flow) : chains_(chains), flow_(flow) {}
  void flow_ended(const FlowRecord& record) override {
    ++flows;
    flow_.first = record.first;
    flow_.last = record.last;
    flow_.states = keep_states(chains_, record.states);
  }
  int flows = 0;

 private:
  const ChainSet& chains_;
  ObservedFlow& flow_;
};

}  // namespace

std::vector<Job> jobs_of(const TargetsByLine& targets) {
  std::vector<Job> jobs;
  for (const auto& [name, target] : targets) {
    Job job;
    job.line = jobs.size() + 1;
    job.dip = address_of(job.line, target->ipv6);
    job.dp = target->port;
    job.domain = target->domain;
    job.members = fmt::format(R"("dip":"{}")", job.dip.to_string());
    if (job.dp) job.members += fmt::format(R"(,"dp":{})", *job.dp);
    if (!job.domain.empty()) job.members += R"(,"domain":)" + boost::json::serialize(Payload(job.domain));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

tl::expected<std::unique_ptr<Conversation>, NotPossible> MadeUpNetwork::prepare(
    const ConversationPlan& plan) {
  const FakeTarget& target = *targets_.at(plan.job->line - 1).second;
  auto lease = ports_.take(plan.job->dip, plan.port);
  if (!lease) return tl::unexpected(NotPossible{ConnectionState::discard, lease.error().message});
  IpProtocol protocol = plan.mode == ConnectMode::dnsudp ? IpProtocol::udp : IpProtocol::tcp;
  if (plan.forger != nullptr) protocol = plan.forger->protocol(plan.mode);
  const ExpectedFlow flow{our_address(plan.job->dip.version), plan.job->dip, lease->port(), plan.port,
                          static_cast<std::uint8_t>(protocol)};
  return std::make_unique<MadeUpConversation>(*this, target, plan, flow, std::move(*lease),
                                              cookies_.at(plan.job->line - 1));
}

MadeUpNetwork::Seen MadeUpNetwork::take(const ExpectedFlow& flow) {
  auto node = seen_.extract(key_of(flow));
  return node.empty() ? Seen{} : std::move(node.mapped());
}

void MadeUpWatch::let_go(const ExpectedFlow& flow, std::uint64_t token) {
  const MadeUpNetwork::Seen seen = network_.take(flow);
  ObservedFlow one;
  if (seen.target != nullptr && seen.target->observed) one = observe(chains_, seen.packets);
  one.lossy = seen.target != nullptr && seen.target->lossy;
  say(std::move(one), token);
}

void MadeUpWatch::let_go_towards(const IpAddress&, std::uint16_t sp, std::uint64_t token) {
  if (sp != 0) say({}, token);
}

// Later: the engine has not heard of the end of the connection yet.
void MadeUpWatch::say(ObservedFlow flow, std::uint64_t token) {
  flow.token = token;
  asio::post(loop_, [this, kept = std::make_shared<ObservedFlow>(std::move(flow))] {
    std::vector<ObservedFlow> flows;
    flows.push_back(std::move(*kept));
    tell_(std::move(flows));
  });
}

ObservedFlow observe(const ChainSet& chains, const Packets& packets) {
  ObservedFlow flow;
  KeepsStates sink(chains, flow);
  Observer observer(chains, {}, sink);
  observer.process(frames_of(packets));
  observer.finish();
  if (sink.flows > 1)
    throw std::invalid_argument(fmt::format("the packets of one connection are {} flows", sink.flows));
  return flow;
}

}  // namespace spiderling::testing
