#include "connect/dns_exchange.h"

#include <sys/random.h>

#include <string>
#include <utility>

#include <fmt/format.h>

#include "spiderling/headers/dns.h"

namespace spiderling {

namespace asio = boost::asio;

namespace {

constexpr std::size_t length_size = 2;

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string with_length(Bytes message) {
  std::string text;
  text.reserve(length_size + message.size());
  text += static_cast<char>(message.size() >> 8);
  text += static_cast<char>(message.size() & 0xff);
  text.append(reinterpret_cast<const char*>(message.data()), message.size());
  return text;
}

DnsExchange ended(Outcome outcome) {
  DnsExchange exchange;
  exchange.outcome = std::move(outcome);
  return exchange;
}

DnsExchange answered(Bytes message) {
  DnsExchange exchange;
  exchange.response_code = DnsMessage::at(message)->rcode();
  return exchange;
}

// Until `text` has so many bytes, and no more are taken from the stream.
asio::awaitable<Outcome> fill(Stream& stream, std::string& text, std::size_t size, Deadline deadline) {
  while (text.size() < size) {
    Received more = co_await receive_some(stream, size - text.size(), deadline);
    if (!more.outcome.ok()) co_return std::move(more.outcome);
    if (more.bytes.empty())
      co_return Outcome::failed(text.empty() ? "closed without an answer"
                                             : "closed in the middle of the answer");
    text += more.bytes;
  }
  co_return Outcome{};
}

}  // namespace

Result<DnsQuery> dns_query_for(const Job& job) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) return error("this machine has no random numbers");
  const auto query = DnsQuery::make(job.domain, id);
  if (!query) return error("the job's domain is no name of DNS");
  return *query;
}

void DnsExchange::add_fields_to(ConnectionRecord& record) const {
  if (response_code) record.add("dns_response_code", std::uint64_t{*response_code});
}

asio::awaitable<DnsExchange> ask_dns(Stream& stream, const DnsQuery& query, Deadline deadline) {
  const std::string asked = with_length(query.bytes());
  if (Outcome sent = co_await send_all(stream, asked, deadline); !sent.ok()) co_return ended(std::move(sent));
  std::string answer;
  if (Outcome came = co_await fill(stream, answer, length_size, deadline); !came.ok())
    co_return ended(std::move(came));
  const std::size_t size = load_be16(bytes_of(answer).data());
  if (size < DnsMessage::header_size) co_return ended(Outcome::failed("the answer is no message of DNS"));
  if (Outcome came = co_await fill(stream, answer, length_size + size, deadline); !came.ok())
    co_return ended(std::move(came));
  const Bytes message = bytes_of(answer).subspan(length_size);
  if (!query.is_answered_by(message)) co_return ended(Outcome::failed("the answer is none to our question"));
  co_return answered(message);
}

asio::awaitable<DnsExchange> ask_dns(UdpSocket& socket, const DnsQuery& query, Deadline deadline) {
  if (Outcome sent = co_await socket.send(query.bytes(), deadline); !sent.ok())
    co_return ended(std::move(sent));
  for (std::uint64_t passed_over = 0;; ++passed_over) {
    Received received = co_await socket.receive(deadline);
    if (!received.outcome.ok()) {
      if (passed_over > 0)
        received.outcome.reason += fmt::format(" (and {} datagrams that are none)", passed_over);
      co_return ended(std::move(received.outcome));
    }
    if (query.is_answered_by(bytes_of(received.bytes))) co_return answered(bytes_of(received.bytes));
  }
}

}  // namespace spiderling
