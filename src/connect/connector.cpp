#include "connect/connector.h"

#include <utility>

#include "connect/http2.h"

namespace spiderling {

namespace asio = boost::asio;

namespace {

Timestamp now() {
  return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
}

}  // namespace

Connector::Connector(std::shared_ptr<ConnectContext> shared, ConnectMode mode, const Job& job,
                     std::uint16_t port, HttpVersion http)
    : shared_(std::move(shared)), job_(job), port_(port), mode_(mode), http_(http), tcp_(shared_) {}

Outcome Connector::prepare(const SocketSetup& setup, std::uint32_t mark) {
  close();
  port_taken_ = false;
  peer_holds_on_ = false;
  if (port_ == 0) return Outcome::skipped("port 0 is no port");
  if (Outcome ready = prepare_words(); !ready.ok()) return ready;
  return tcp_.prepare(job_.dip, port_, setup, mark);
}

// What the mode will want said, which depends on what the job says of its target.
Outcome Connector::prepare_words() {
  if (mode_ == ConnectMode::http || mode_ == ConnectMode::https) {
    auto host = host_of(job_);
    if (!host) return Outcome::skipped(host.error().message);
    host_ = std::move(*host);
  } else if (mode_ == ConnectMode::dnstcp) {
    auto query = dns_query_for(job_);
    if (!query) return Outcome::skipped(query.error().message);
    query_ = *query;
  }
  return {};
}

ConnectionRecord Connector::record_of(const Outcome& outcome) const {
  ConnectionRecord record;
  record.state = outcome.state;
  record.reason = outcome.reason;
  record.start = record.stop = now();
  record.sip = ends().sip;
  record.sp = ends().sp;
  return record;
}

asio::awaitable<ConnectionRecord> Connector::run(Deadline deadline) {
  ConnectionRecord record = co_await tcp_connect(deadline);
  if (record.ok() && mode_ == ConnectMode::tcp && tcp_.is_held_back())
    finish(record, co_await open_with_bytes(deadline));
  if (!record.ok() || mode_ == ConnectMode::tcp) co_return record;
  if (mode_ == ConnectMode::dnstcp) {
    finish(record, co_await ask_dns(stream(), *query_, deadline));
    co_return record;
  }
  if (mode_ == ConnectMode::https) {
    finish(record, co_await start_tls(deadline));
    if (!record.ok()) co_return record;
    record.add("tls_version", tls_->version());
    if (!tls_->protocol().empty()) record.add("tls_alpn", tls_->protocol());
  }
  finish(record, co_await ask_http(deadline));
  co_return record;
}

asio::awaitable<ConnectionRecord> Connector::tcp_connect(Deadline deadline) {
  ConnectionRecord record = record_of({});
  Outcome outcome = co_await tcp_.connect(deadline);
  stands_ = outcome.ok();
  port_taken_ = outcome.port_taken;
  finish(record, std::move(outcome));
  co_return record;
}

// There is nothing to say, but a SYN that is to carry data needs some: an empty line, which servers of HTTP
// pass over (RFC 9112, section 2.2), and others wait for the rest of.
asio::awaitable<Outcome> Connector::open_with_bytes(Deadline deadline) {
  Outcome sent = co_await send_all(tcp_, "\r\n", deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await tcp_.finish_connecting(deadline);
}

asio::awaitable<Outcome> Connector::start_tls(Deadline deadline) {
  tls_ = std::make_unique<TlsStream>(shared_->tls, tcp_, host_, job_.dip, http_ != HttpVersion::http1);
  return tls_->handshake(deadline);
}

// No coroutine of its own: it only chooses.
asio::awaitable<HttpGet> Connector::ask_http(Deadline deadline) {
  const HttpOptions& options = shared_->options.http;
  const bool begins_with_http2 =
      tls_ ? tls_->protocol() == "h2" : http_ == HttpVersion::http2_prior_knowledge;
  if (begins_with_http2) {
    Http2Request request;
    request.authority = authority_of(host_, port_, mode_);
    request.tls = tls_ != nullptr;
    request.user_agent = options.user_agent;
    return http2_get(stream(), std::move(request), options.limits, deadline);
  }
  if (!tls_ && http_ == HttpVersion::http2) {
    return http_upgrade_get(stream(),
                            http_upgrade_request(host_, port_, options, Http2Answer::upgrade_settings()),
                            options.limits, deadline);
  }
  return http_get(stream(), http_request(host_, port_, mode_, options), options.limits, deadline);
}

void Connector::finish(ConnectionRecord& record, Outcome outcome) {
  record.stop = now();
  record.state = outcome.state;
  record.reason = std::move(outcome.reason);
  if (stands_ && outcome.state == ConnectionState::timeout) peer_holds_on_ = true;
}

void Connector::finish(ConnectionRecord& record, HttpGet got) {
  if (got.status != 0) record.add("http_response_code", got.status);
  if (got.version != nullptr) record.add("http_version", got.version);
  finish(record, std::move(got.outcome));
  if (got.endless) peer_holds_on_ = true;
}

void Connector::finish(ConnectionRecord& record, DnsExchange exchange) {
  exchange.add_fields_to(record);
  finish(record, std::move(exchange.outcome));
}

Stream& Connector::stream() {
  if (tls_) return *tls_;
  return tcp_;
}

void Connector::end() {
  if (peer_holds_on_) {
    abort();
  } else {
    close();
  }
}

void Connector::close() {
  if (tls_) tls_->shut_down();
  tls_.reset();
  stands_ = false;
  tcp_.close();
}

void Connector::abort() {
  tls_.reset();
  stands_ = false;
  tcp_.abort();
}

}  // namespace spiderling
