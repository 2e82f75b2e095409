#include "hub/connection.h"

#include "hub/connection_http.h"
#include "websocket/frame.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

constexpr auto closing_time = 2s;
// Received at once. A kitchen that sends without pause fills its buffer, and what is in it is one write to
// each eater.
constexpr std::size_t kitchen_buffer = 64 << 10;
constexpr std::size_t eater_buffer = 512;  // eaters say hello, and then next to nothing
constexpr std::size_t most_eater_message = 64 << 10;
constexpr std::size_t write_at_once = 256 << 10;
constexpr std::size_t most_pieces = 16;
constexpr int most_writes = 4;  // to one eater, before the others have their turn
// Of a frame whose sending has begun when its eater is found to be too slow. Of a longer one the memory is
// not worth it.
constexpr std::size_t most_carry = 64 << 10;
constexpr std::size_t tls_record = 16 << 10;
constexpr SteadyClock::time_point never{};

std::string address_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

std::string_view name_of(HubPort port) { return port == HubPort::kitchens ? "kitchens" : "eaters"; }

Connection::Connection(HubState& hub, Tcp::socket socket, HubPort port)
    : hub_(hub), socket_(std::move(socket)), port_(port), http_(std::make_unique<HttpPhase>()) {
  ErrorCode ignored;
  const auto remote = socket_.remote_endpoint(ignored);
  host_ = address_text(remote.address());
  remote_port_ = remote.port();
  local_address_ = address_text(socket_.local_endpoint(ignored).address());
  socket_.non_blocking(true, ignored);
  socket_.set_option(Tcp::no_delay(true), ignored);
  last_received_ = SteadyClock::now();
  deadline_ = last_received_ + hub.options.hello_timeout;
}

Connection::~Connection() = default;

void Connection::start() {
  if (!hub_.tls) return read();
  phase_ = Phase::handshake;
  tls_ = std::make_unique<asio::ssl::stream<Tcp::socket&>>(socket_, *hub_.tls);
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [this, self = shared_from_this()](const ErrorCode& problem) {
                          if (gone()) return;
                          if (problem) {
                            hub_.reject(Rejection::tls, *this, problem.message());
                            return abort();
                          }
                          set_phase(Phase::request);
                          read();
                        });
}

void Connection::set_phase(Phase phase) {
  const bool was_waiting = waiting();
  phase_ = phase;
  if (was_waiting && !waiting()) hub_.no_longer_waiting();
}

// --- reading
// -------------------------------------------------------------------------------------------------------

void Connection::read() {
  const auto room = reader_ ? reader_->prepare() : http_->room();
  const auto done = [this, self = shared_from_this()](const ErrorCode& problem, std::size_t bytes) {
    on_read(problem, bytes);
  };
  const asio::mutable_buffer buffer(room.data(), room.size());
  if (tls_) {
    tls_->async_read_some(buffer, done);
  } else {
    socket_.async_read_some(buffer, done);
  }
}

void Connection::on_read(ErrorCode problem, std::size_t bytes) {
  if (gone()) return;
  if (problem) return on_lost(problem);
  last_received_ = SteadyClock::now();
  ping_sent_ = never;
  if (reader_) {
    // After a violation what still comes is thrown away.
    if (!reader_->failed()) reader_->commit(bytes);
    take_messages();
  } else if (phase_ == Phase::request) {
    take_http(http_->received(bytes));
  }
  if (!gone()) read();
}

void Connection::on_lost(const ErrorCode& problem) {
  if (phase_ == Phase::request || phase_ == Phase::hello) {
    hub_.reject(phase_ == Phase::hello ? Rejection::no_hello : Rejection::not_http, *this,
                problem == asio::error::eof ? "closed by the client" : problem.message());
  } else if (open()) {
    announce(problem == asio::error::eof ? "lost without a close frame" : "lost");
  }
  abort();
}

void Connection::take_http(std::string_view bytes) {
  const auto whole = http_->reader.feed(bytes);
  if (!whole) {
    hub_.reject(Rejection::not_http, *this, whole.error().message);
    return respond(
        http_response(400, "text/plain", "This is a hub of dumplings: it speaks HTTP and WebSocket.\n"));
  }
  if (!*whole) return;
  const HttpRequest request = http_->reader.request();
  answer(request);
  if (phase_ != Phase::hello) return;
  // Upgraded: from here on there are frames, the first of which may have come already.
  const bool kitchen = port_ == HubPort::kitchens;
  reader_.emplace(MessageReader::Options{
      .masked = true,
      .max_message_bytes = kitchen ? hub_.options.max_message_bytes : most_eater_message,
      .buffer_bytes = kitchen ? kitchen_buffer : eater_buffer});
  const std::string rest(http_->reader.rest());
  http_.reset();
  reader_->feed(rest);
  take_messages();
}

// --- writing
// -------------------------------------------------------------------------------------------------------

// Between two frames a control frame may be put in. Answers come first: a close frame is the last.
void Connection::prepare_control() {
  if (control_sent_ < control_.size()) return;
  control_.clear();
  control_sent_ = 0;
  if (last_words_ || must_finish_frame()) return;
  if (pong_due_) append_frame(control_, Opcode::pong, pong_);
  if (ping_due_) {
    append_frame(control_, Opcode::ping, "");
    ping_sent_ = SteadyClock::now();
  }
  pong_due_ = ping_due_ = false;
  if (!close_frame_.empty()) {
    control_ += close_frame_;
    close_frame_.clear();
    last_words_ = true;
  }
}

std::size_t Connection::collect(std::span<std::string_view> pieces) {
  std::size_t count = 0;
  if (carry_sent_ < carry_.size()) pieces[count++] = std::string_view(carry_).substr(carry_sent_);
  const bool control_due = pong_due_ || ping_due_ || !close_frame_.empty();
  if (control_sent_ < control_.size()) {
    pieces[count++] = std::string_view(control_).substr(control_sent_);
  } else if (control_due && must_finish_frame()) {
    pieces[count++] = queue_->rest_of_frame();
    return count;
  }
  if (queue_) count += queue_->gather(pieces.subspan(count), write_at_once);
  return count;
}

void Connection::consume(std::size_t bytes) {
  hub_.counters.bytes_out += bytes;
  const auto take = [&bytes](std::string& text, std::size_t& sent) {
    const std::size_t now = std::min(bytes, text.size() - sent);
    sent += now;
    bytes -= now;
    if (sent < text.size()) return;
    text.clear();
    sent = 0;
  };
  take(carry_, carry_sent_);
  take(control_, control_sent_);
  if (queue_ && bytes > 0) queue_->consume(bytes);
}

void Connection::pump() {
  if (write_pending_ || gone() || phase_ == Phase::handshake) return;
  for (int i = 0; i < most_writes; ++i) {
    std::array<std::string_view, most_pieces> pieces;
    prepare_control();
    const std::size_t count = collect(pieces);
    if (count == 0) return all_sent();
    if (tls_) return write_tls({pieces.data(), count});
    if (!write_now({pieces.data(), count})) return;
  }
  hub_.schedule_flush();  // there may be more
}

// False: the socket takes no more now, or the connection is lost.
bool Connection::write_now(std::span<const std::string_view> pieces) {
  std::array<asio::const_buffer, most_pieces> buffers;
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    buffers[i] = asio::const_buffer(pieces[i].data(), pieces[i].size());
    wanted += pieces[i].size();
  }
  ErrorCode problem;
  const std::size_t written = socket_.write_some(std::span(buffers.data(), pieces.size()), problem);
  if (problem && problem != asio::error::would_block) {
    on_lost(problem);
    return false;
  }
  if (written > 0) write_stuck_ = never;
  consume(written);
  if (written == wanted) return true;
  wait_until_writable();
  return false;
}

// No buffer is lent to the kernel meanwhile, so the queue may still be shortened.
void Connection::wait_until_writable() {
  write_pending_ = true;
  if (write_stuck_ == never) write_stuck_ = SteadyClock::now();
  socket_.async_wait(Tcp::socket::wait_write, [this, self = shared_from_this()](const ErrorCode& problem) {
    write_pending_ = false;
    if (gone() || problem) return;
    pump();
  });
}

// TLS must have what it writes until the end: a record is copied, and leaves the queue at once.
void Connection::write_tls(std::span<const std::string_view> pieces) {
  if (!tls_out_) tls_out_ = std::make_unique<std::string>();
  tls_out_->clear();
  for (const std::string_view piece : pieces)
    tls_out_->append(piece.substr(0, tls_record - tls_out_->size()));
  consume(tls_out_->size());
  write_pending_ = true;
  write_stuck_ = SteadyClock::now();
  asio::async_write(*tls_, asio::buffer(*tls_out_),
                    [this, self = shared_from_this()](const ErrorCode& problem, std::size_t) {
                      write_pending_ = false;
                      write_stuck_ = never;
                      if (gone()) return;
                      if (problem) return on_lost(problem);
                      pump();
                    });
}

// --- the end
// -------------------------------------------------------------------------------------------------------

void Connection::all_sent() {
  if (closing_when_sent_ && open()) return close(close_code::connection_cancelled, "connection cancelled");
  if (!last_words_ || phase_ == Phase::lingering) return;
  // The server is the first to end TCP, once both have sent a close frame (RFC 6455 section 7.1.1).
  if (phase_ != Phase::closing || peer_closed_) linger();
}

// What was written reaches the peer only if nothing it sent stays unread: our side is shut, and the rest read
// until it shuts its own, or the deadline.
void Connection::linger() {
  set_phase(Phase::lingering);
  deadline_ = SteadyClock::now() + closing_time;
  if (!tls_) {
    ErrorCode ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    return;
  }
  write_pending_ = true;
  tls_->async_shutdown([this, self = shared_from_this()](const ErrorCode&) { abort(); });
}

void Connection::drop_queue() {
  if (!queue_) return;
  hub_.counters.sent_before += queue_->sent();
  hub_.counters.dropped_before += queue_->dropped();
  queue_.reset();
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (phase_ != Phase::hello && phase_ != Phase::open) {
    if (waiting()) abort();
    return;
  }
  if (must_finish_frame()) {
    if (queue_->rest_of_frame().size() > most_carry) return abort();
    carry_ += queue_->rest_of_frame();
  }
  drop_queue();
  append_frame(close_frame_, Opcode::close, close_payload(code, reason));
  set_phase(Phase::closing);
  hub_.sweep_soon();
  deadline_ = SteadyClock::now() + closing_time;
  pump();
}

void Connection::close_when_sent() {
  if (phase_ == Phase::open && queue_ && queue_->waiting() > 0) {
    closing_when_sent_ = true;
    return;
  }
  close(close_code::connection_cancelled, "connection cancelled");
}

void Connection::abort() {
  if (gone()) return;
  drop_queue();
  set_phase(Phase::gone);
  hub_.sweep_soon();
  ErrorCode ignored;
  socket_.close(ignored);
}

// --- deadlines
// -----------------------------------------------------------------------------------------------------

void Connection::tick(SteadyClock::time_point now) {
  switch (phase_) {
    case Phase::handshake:
    case Phase::request:
      if (now < deadline_) return;
      hub_.reject(phase_ == Phase::handshake ? Rejection::tls : Rejection::not_http, *this,
                  "nothing came in time");
      return abort();
    case Phase::hello:
      if (now < deadline_) return;
      hub_.reject(Rejection::no_hello, *this, "none came in time");
      return close(close_code::policy_violation, "no hello came in time");
    case Phase::open: return tick_open(now);
    case Phase::closing:
    case Phase::lingering:
      if (now >= deadline_) abort();
      return;
    case Phase::gone: return;
  }
}

void Connection::tick_open(SteadyClock::time_point now) {
  // A peer to which nothing can be written cannot answer a ping either: it is given more time.
  if (write_stuck_ != never) {
    if (now - write_stuck_ < hub_.options.stuck_timeout) return;
    announce("took nothing for too long");
    ++hub_.counters.slow_closed;
    return abort();
  }
  if (ping_sent_ != never && now - ping_sent_ >= hub_.options.ping_timeout) {
    announce("did not answer a ping");
    return abort();
  }
  if (ping_sent_ == never && !ping_due_ && now - last_received_ >= hub_.options.ping_every) {
    ping_due_ = true;
    pump();
  }
}

void Connection::keep_within_limits() {
  if (!queue_ || !queue_->exceeds(hub_.options.eater_queue)) return;
  const bool begun_too_long = queue_->mid_frame() && queue_->rest_of_frame().size() > most_carry;
  if (hub_.options.slow_eater == SlowEater::disconnect || begun_too_long) {
    announce("is too slow: its queue is full");
    ++hub_.counters.slow_closed;
    return close(close_code::policy_violation, "too slow: the queue of this eater is full");
  }
  const std::uint64_t dropped = queue_->enforce(hub_.options.eater_queue, carry_);
  if (dropped == 0 || !slow_log_.allow(SteadyClock::now())) return;
  log::warning(
      "eater is slow: its oldest dumplings are left out",
      {{"eater", name_}, {"host", host_}, {"port", remote_port_}, {"dropped_so_far", queue_->dropped()}});
}

}  // namespace spiderling
