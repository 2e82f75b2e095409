#include "connect/connector.h"

#include <utility>

namespace spiderling {

namespace asio = boost::asio;

namespace {

Timestamp now() {
  return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
}

}  // namespace

Connector::Connector(std::shared_ptr<ConnectContext> shared, ConnectMode mode, const Job& job,
                     std::uint16_t port)
    : shared_(std::move(shared)), job_(job), port_(port), mode_(mode), tcp_(shared_) {}

Outcome Connector::prepare(const SocketSetup& setup, std::uint32_t mark) {
  close();
  port_taken_ = false;
  peer_holds_on_ = false;
  if (port_ == 0) return Outcome::skipped("port 0 is no port");
  if (mode_ != ConnectMode::tcp) {
    auto host = host_of(job_);
    if (!host) return Outcome::skipped(host.error().message);
    host_ = std::move(*host);
  }
  return tcp_.prepare(job_.dip, port_, setup, mark);
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
  if (!record.ok() || mode_ == ConnectMode::tcp) co_return record;
  if (mode_ == ConnectMode::https) {
    finish(record, co_await start_tls(deadline));
    if (!record.ok()) co_return record;
    record.add("tls_version", tls_->version());
  }
  finish(record, co_await http_get(stream(), request(), shared_->options.http.limits, deadline));
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

asio::awaitable<Outcome> Connector::start_tls(Deadline deadline) {
  tls_ = std::make_unique<TlsStream>(shared_->tls, tcp_, host_, job_.dip);
  return tls_->handshake(deadline);
}

std::string Connector::request() const { return http_request(host_, port_, mode_, shared_->options.http); }

void Connector::finish(ConnectionRecord& record, Outcome outcome) {
  record.stop = now();
  record.state = outcome.state;
  record.reason = std::move(outcome.reason);
  if (stands_ && outcome.state == ConnectionState::timeout) peer_holds_on_ = true;
}

void Connector::finish(ConnectionRecord& record, HttpGet got) {
  if (got.status != 0) record.add("http_response_code", got.status);
  finish(record, std::move(got.outcome));
  if (got.endless) peer_holds_on_ = true;
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
