// One connection to the hub, from its first byte to its last. For src/hub itself: includes Asio.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/eater_queue.h"
#include "hub/http.h"
#include "hub/hub_state.h"
#include "hub/kitchen_figures.h"
#include "websocket/message_reader.h"

namespace spiderling {

enum class HubPort : std::uint8_t { kitchens, eaters };
std::string_view name_of(HubPort port);

/// A kitchen, an eater, somebody who asks over HTTP, or somebody who says nothing.
///
///     handshake --> request --> hello --> open --> closing --> lingering --> gone
///     (only TLS)    HTTP        upgraded           close frame  our side     socket closed
///                     |                            under way    is shut
///                     +--- plain HTTP: answered ----------------^
///
/// Beast takes the request apart; behind the upgrade frames are read and written here. Beast's WebSocket
/// stream encodes each message for each connection and writes it by itself: per dumpling and eater one system
/// call and one pass through Asio. Here a write takes what many dumplings have put into the shared log, as it
/// lies there. Measured beside each other on two busy cores, 20 eaters, 200 bytes: 0.13 M deliveries a second
/// with Beast's stream, 6.6 M this way.
///
/// One thread, HubState's. Whatever the peer does, a connection holds no more than one message of the
/// permitted size while it receives, one control frame of each kind while it sends, and the rest of one
/// frame.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HubState& hub, Tcp::socket socket, HubPort port);
  ~Connection();

  void start();
  /// Looks at deadlines, several times a second.
  void tick(SteadyClock::time_point now);
  /// Writes as much of what waits as the socket takes now.
  void pump();
  /// What --slow-eater says, if the queue is too long.
  void keep_within_limits();
  /// Sends a close frame and ends the connection when it was answered, or two seconds later.
  void close(std::uint16_t code, std::string_view reason);
  /// The hub ends: as close(), when what is queued has been sent.
  void close_when_sent();
  /// Ends the connection now.
  void abort();

  bool waiting() const {
    return phase_ == Phase::handshake || phase_ == Phase::request || phase_ == Phase::hello;
  }
  bool open() const { return phase_ == Phase::open; }
  bool gone() const { return phase_ == Phase::gone; }

  HubPort port() const { return port_; }
  const std::string& name() const { return name_; }
  const std::string& hello() const { return hello_; }  ///< its JSON
  const std::string& host() const { return host_; }
  std::uint16_t remote_port() const { return remote_port_; }
  /// An eater's; null before its hello and while it is closing.
  const EaterQueue* queue() const { return queue_ ? &*queue_ : nullptr; }
  std::uint64_t received() const { return received_; }  ///< valid dumplings of a kitchen
  std::uint64_t invalid() const { return invalid_; }
  const KitchenFigures& figures() const { return figures_; }  ///< of a kitchen's chefs, if it told them

 private:
  enum class Phase : std::uint8_t { handshake, request, hello, open, closing, lingering, gone };
  /// Needed only until the connection is a WebSocket.
  struct HttpPhase;

  // Reading.
  void read();
  void on_read(ErrorCode problem, std::size_t bytes);
  void on_lost(const ErrorCode& problem);

  // HTTP: connection_http.cpp
  void take_http(std::string_view bytes);
  void answer(const HttpRequest& request);
  void upgrade(const HttpRequest& request);
  bool answer_if_refused(const HttpRequest& request);
  void answer_plain(const HttpRequest& request);
  void respond(std::string response);

  // Messages: connection_messages.cpp
  void take_messages();
  void take_message();
  void take_hello();
  void take_kitchen_hello(std::string_view text);
  void take_eater_hello(std::string_view text);
  void take_dumpling(std::string_view text);
  void take_status(std::string_view payload);
  void refuse_dumpling(std::string_view text, std::string_view why);
  void take_close();
  void reject_hello(std::uint16_t code, std::string_view why);
  void refuse_stream();
  void announce(std::string_view event);

  // Writing.
  void prepare_control();
  std::size_t collect(std::span<std::string_view> pieces);
  bool write_now(std::span<const std::string_view> pieces);
  void write_tls(std::span<const std::string_view> pieces);
  void wait_until_writable();
  void consume(std::size_t bytes);
  bool must_finish_frame() const { return queue_ && queue_->mid_frame(); }
  void all_sent();
  void linger();
  void drop_queue();
  void tick_open(SteadyClock::time_point now);
  void set_phase(Phase phase);

  HubState& hub_;
  Tcp::socket socket_;
  std::unique_ptr<asio::ssl::stream<Tcp::socket&>> tls_;
  const HubPort port_;
  Phase phase_ = Phase::request;
  std::string host_;
  std::string local_address_;
  std::uint16_t remote_port_ = 0;

  std::unique_ptr<HttpPhase> http_;
  std::optional<MessageReader> reader_;
  std::string name_;
  std::string hello_;
  std::uint64_t received_ = 0;
  std::uint64_t invalid_ = 0;
  KitchenFigures figures_{hub_.handlers_held};

  // What is to be sent, in this order: the rest of a frame, control frames (or an HTTP response), the queue.
  std::string carry_;
  std::size_t carry_sent_ = 0;
  std::string control_;
  std::size_t control_sent_ = 0;
  std::optional<EaterQueue> queue_;
  std::string pong_;  // to the latest ping, which answers those before it (RFC 6455 section 5.5.3)
  std::string close_frame_;
  bool pong_due_ = false;
  bool ping_due_ = false;
  bool last_words_ = false;  // when control_ is sent, nothing more will be
  bool peer_closed_ = false;
  bool closing_when_sent_ = false;
  bool write_pending_ = false;
  std::unique_ptr<std::string> tls_out_;
  log::RateLimit slow_log_{std::chrono::seconds(10)};

  SteadyClock::time_point deadline_;       // of a phase that must end
  SteadyClock::time_point last_received_;  // any byte
  SteadyClock::time_point ping_sent_{};    // unanswered; epoch: none
  SteadyClock::time_point write_stuck_{};  // since when the socket takes nothing; epoch: it does
};

}  // namespace spiderling
