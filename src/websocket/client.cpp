#include "websocket/client.h"

#include <charconv>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "websocket/byte_stream.h"
#include "websocket/message_reader.h"
#include "websocket/token_file.h"
#include "websocket/upgrade.h"

namespace spiderling {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto check_every = 100ms;  // how late a deadline is noticed at most
constexpr auto close_deadline = 2s;  // for the peer's answer to a close frame
constexpr std::size_t write_at_once = 1 << 20;

}  // namespace

// Lives as long as one of its coroutines does; all of it runs on the io_context's thread.
struct WebSocketClient::Impl : std::enable_shared_from_this<Impl> {
  enum class State { idle, connecting, open, closing, ended };

  Impl(asio::io_context& io_context, ClientOptions given, ClientHandlers callbacks,
       std::shared_ptr<OutgoingQueue> out)
      : context(io_context),
        options(std::move(given)),
        handlers(std::move(callbacks)),
        queue(std::move(out)),
        stream(io_context),
        watch(io_context),
        reader({.masked = false, .max_message_bytes = options.max_message_bytes}) {}

  asio::io_context& context;
  const ClientOptions options;
  const ClientHandlers handlers;
  const std::shared_ptr<OutgoingQueue> queue;
  ByteStream stream;
  asio::steady_timer watch;
  MessageReader reader;
  MaskKeys keys;

  State state = State::idle;
  std::atomic<bool> open_now = false;
  bool abandoned = false;  // its WebSocketClient is gone: no handler is called any more
  std::string given_up;    // why the watch closed the connection
  Clock::time_point started;
  Clock::time_point last_heard;
  Clock::time_point ping_sent;
  Clock::time_point close_sent;
  bool ping_outstanding = false;
  std::uint64_t pong_number = 0;

  // What on_close tells: the peer's close frame, or ours if it came first.
  std::uint16_t end_code = close_code::abnormal;
  std::string end_reason;
  bool peer_closed = false;

  bool writing = false;
  std::string control;      // control frames (and the hello) to be written next, before messages
  std::string control_out;  // those being written
  std::vector<std::string_view> blocks;
  std::vector<asio::const_buffer> buffers;

  // --- opening ---

  void connect() {
    state = State::connecting;
    started = Clock::now();
    asio::co_spawn(
        context, [self = shared_from_this()] { return self->live(); }, asio::detached);
    check_later();
  }

  asio::awaitable<void> live() {
    const auto self = shared_from_this();
    const Result<void> opened = co_await open();
    if (!opened) {
      fail(given_up.empty() ? opened.error().message : given_up);
      co_return;
    }
    greet();
    const std::string why = co_await receive();
    end(why);
  }

  asio::awaitable<Result<void>> open() {
    if (!options.token.empty() && !is_token(options.token)) {
      co_return error("the token has characters that no token may have");
    }
    const auto connected = co_await stream.open(options.endpoint, options.tls.ca_file);
    if (!connected) co_return connected;
    Upgrade upgrade(options.endpoint, options.token);
    ErrorCode problem;
    co_await stream.write(asio::buffer(upgrade.request()), problem);
    for (;;) {
      const auto room = reader.prepare();
      std::size_t bytes = 0;
      if (!problem) bytes = co_await stream.read_some(asio::buffer(room.data(), room.size()), problem);
      if (problem) {
        co_return error(
            "{} closed the connection instead of accepting it ({}); a hub with TLS has an address in wss://",
            options.endpoint.uri(), problem.message());
      }
      const auto accepted = upgrade.feed({room.data(), bytes});
      if (!accepted) co_return tl::unexpected(accepted.error());
      if (*accepted) break;
    }
    reader.feed(upgrade.rest());
    co_return Result<void>();
  }

  void greet() {
    state = State::open;
    open_now = true;
    last_heard = Clock::now();
    if (!options.hello.empty()) append_masked_frame(control, Opcode::text, options.hello, keys.next());
    queue->on_filled([self = weak_from_this(), &io = context] {
      asio::post(io, [self] {
        if (const auto impl = self.lock()) impl->write_more();
      });
    });
    write_more();
    if (handlers.on_open && !abandoned) handlers.on_open();
  }

  // --- receiving ---

  // Until the connection ends; returns why, where no close frame tells.
  asio::awaitable<std::string> receive() {
    for (;;) {
      while (reader.next()) {
        take(reader.kind(), reader.payload());
        if (state == State::ended) co_return std::string();
      }
      if (handlers.on_idle && !abandoned) handlers.on_idle();
      if (reader.failed()) {
        begin_close(reader.close_code(), reader.problem());
        end_code = reader.close_code();
        end_reason = fmt::format("the hub sent {}", reader.problem());
        co_await drain();
        co_return std::string();
      }
      if (peer_closed && !writing && control.empty()) co_return std::string();
      ErrorCode problem;
      const auto room = reader.prepare();
      const std::size_t bytes = co_await stream.read_some(asio::buffer(room.data(), room.size()), problem);
      if (problem) co_return given_up.empty() ? reason_of(problem) : given_up;
      reader.commit(bytes);
      last_heard = Clock::now();
    }
  }

  static std::string reason_of(const ErrorCode& problem) {
    if (problem == asio::error::eof || problem == asio::ssl::error::stream_truncated)
      return "the hub went away";
    return problem.message();
  }

  // After a violation nothing more is understood, but the close frame must get out before the connection
  // goes.
  asio::awaitable<void> drain() {
    std::vector<char> rubbish(16 << 10);
    ErrorCode problem;
    while (!problem) co_await stream.read_some(asio::buffer(rubbish), problem);
  }

  void take(MessageReader::Kind kind, std::string_view payload) {
    switch (kind) {
      case MessageReader::Kind::text:
      case MessageReader::Kind::binary:
        if (state == State::open && !abandoned && handlers.on_message) handlers.on_message(payload);
        return;
      case MessageReader::Kind::ping:
        // A peer that sends pings and never reads the answers gets no more of them.
        if (control.size() < 4096) append_masked_frame(control, Opcode::pong, payload, keys.next());
        return write_more();
      case MessageReader::Kind::pong: return take_pong(payload);
      case MessageReader::Kind::close: return take_close(payload);
    }
  }

  void take_pong(std::string_view payload) {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
    if (problem != std::errc() || end != payload.data() + payload.size()) return;
    ping_outstanding = false;
    pong_number = std::max(pong_number, number);
    if (!writing) settle();
  }

  void take_close(std::string_view payload) {
    if (peer_closed) return;
    peer_closed = true;
    std::string_view reason;
    parse_close(payload, end_code, reason);
    end_reason = reason;
    if (state != State::closing) begin_close(end_code, "");
    if (!writing && control.empty()) stream.close();
  }

  // --- sending ---

  // Writes control frames and as many messages as there are, in one go; at most one write is under way.
  void write_more() {
    if (writing || state == State::ended || state == State::idle || state == State::connecting) return;
    buffers.clear();
    control_out.clear();
    control_out.swap(control);
    if (!control_out.empty()) buffers.push_back(asio::buffer(control_out));
    if (state == State::open && queue->take(blocks, write_at_once)) {
      for (const std::string_view block : blocks) buffers.emplace_back(block.data(), block.size());
    } else if (buffers.empty()) {
      return;
    }
    writing = true;
    asio::co_spawn(
        context, [self = shared_from_this()] { return self->write(); }, asio::detached);
  }

  asio::awaitable<void> write() {
    const auto self = shared_from_this();
    ErrorCode problem;
    co_await stream.write(buffers, problem);
    writing = false;
    if (problem || state == State::ended) co_return;  // reading fails too, and says why
    queue->written();
    settle();
    if (state == State::closing && control.empty() && peer_closed) {
      stream.close();
    } else {
      write_more();
    }
  }

  // After a write, or an answer to a ping: frees what the hub has, asks about what it may have.
  void settle() {
    if (pong_number > 0) queue->confirm(pong_number);
    if (state == State::open && !ping_outstanding && queue->unconfirmed()) ask();
    write_more();
  }

  void ask() {
    ping_outstanding = true;
    ping_sent = Clock::now();
    append_masked_frame(control, Opcode::ping, std::to_string(queue->written_number()), keys.next());
  }

  // --- ending ---

  void begin_close(std::uint16_t code, std::string_view reason) {
    if (state != State::open) return;
    state = State::closing;
    open_now = false;
    close_sent = Clock::now();
    if (!peer_closed) {
      end_code = code;
      end_reason = reason;
    }
    append_masked_frame(control, Opcode::close, close_payload(code, reason), keys.next());
    write_more();
  }

  void give_up(std::string why) {
    given_up = std::move(why);
    stream.close();
  }

  void check_later() {
    watch.expires_after(check_every);
    watch.async_wait([self = shared_from_this()](const ErrorCode& problem) {
      if (!problem && self->state != State::ended) self->check();
    });
  }

  void check() {
    const auto now = Clock::now();
    if (state == State::connecting && now - started > options.connect_timeout) {
      give_up(fmt::format("{} did not answer within {} s", options.endpoint.uri(),
                          std::chrono::duration<double>(options.connect_timeout).count()));
    } else if (state == State::closing && now - close_sent > close_deadline) {
      give_up("the hub did not answer the close");
    } else if (state == State::open && ping_outstanding &&
               now - std::max(ping_sent, last_heard) > options.ping_timeout) {
      give_up("the hub stopped answering");
    } else if (state == State::open && !ping_outstanding && now - last_heard > options.ping_every) {
      ask();
      write_more();
    }
    check_later();
  }

  void end(const std::string& why) {
    const bool by_frame = peer_closed || state == State::closing;
    finish();
    if (!by_frame) end_reason = why;
    if (!abandoned && handlers.on_close) handlers.on_close(end_code, end_reason);
  }

  void fail(const std::string& problem) {
    finish();
    if (!abandoned && handlers.on_error) handlers.on_error(problem);
  }

  void finish() {
    state = State::ended;
    open_now = false;
    watch.cancel();
    stream.close();
    queue->on_filled(nullptr);
    queue->rewind(options.send_again && !refused_what_was_sent());
  }

  // Sent again it would be refused again, for ever.
  bool refused_what_was_sent() const {
    return peer_closed && (end_code == close_code::too_big || end_code == close_code::invalid_data ||
                           end_code == close_code::unsupported_data);
  }
};

WebSocketClient::WebSocketClient(asio::io_context& context, ClientOptions options, ClientHandlers handlers)
    : WebSocketClient(context, options, std::move(handlers), std::make_shared<OutgoingQueue>(options.queue)) {
}

WebSocketClient::WebSocketClient(asio::io_context& context, ClientOptions options, ClientHandlers handlers,
                                 std::shared_ptr<OutgoingQueue> queue)
    : impl_(std::make_shared<Impl>(context, std::move(options), std::move(handlers), std::move(queue))) {}

WebSocketClient::~WebSocketClient() {
  impl_->abandoned = true;
  if (impl_->state == Impl::State::ended || impl_->state == Impl::State::idle) return;
  impl_->queue->on_filled(nullptr);
  impl_->stream.close();
}

void WebSocketClient::connect() { impl_->connect(); }

bool WebSocketClient::send(std::string_view message) { return impl_->queue->push(message); }

void WebSocketClient::close(std::uint16_t code, std::string_view reason) {
  if (impl_->state == Impl::State::connecting) impl_->give_up("given up");
  impl_->begin_close(code, reason);
}

bool WebSocketClient::is_open() const { return impl_->open_now; }

OutgoingCounters WebSocketClient::counters() const { return impl_->queue->counters(); }

}  // namespace spiderling
