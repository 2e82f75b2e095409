#include "hub/connection.h"
#include "hub/hello.h"
#include "websocket/frame.h"

namespace spiderling {
namespace {

constexpr std::size_t most_logged_text = 100;

}  // namespace

void Connection::announce(std::string_view event) {
  if (!log::enabled(log::Level::info) || !hub_.coming_log.allow(SteadyClock::now())) return;
  const bool kitchen = port_ == HubPort::kitchens;
  log::info(fmt::format("{} {}", kitchen ? "kitchen" : "eater", event),
            {{kitchen ? "kitchen" : "eater", name_},
             {"host", host_},
             {"port", remote_port_},
             {"dumplings", kitchen  ? received_
                           : queue_ ? queue_->sent()
                                    : 0},
             {kitchen ? "invalid" : "dropped", kitchen  ? invalid_
                                               : queue_ ? queue_->dropped()
                                                        : 0}});
}

void Connection::take_messages() {
  const std::uint64_t before = received_;
  while (!gone() && reader_->next()) take_message();
  if (gone()) return;
  if (reader_->failed()) refuse_stream();
  if (received_ != before) {
    // A kitchen takes a pong to say that what it sent before is in good hands: it is sent when the eaters'
    // sockets have it, so that even a hub that is killed then has delivered it.
    hub_.schedule_flush(shared_from_this());
  } else if (pong_due_ || peer_closed_) {
    pump();
  }
}

// What came breaks the protocol, or is longer than permitted.
void Connection::refuse_stream() {
  peer_closed_ = true;  // its close frame could not be understood any more
  if (phase_ == Phase::hello) return reject_hello(reader_->close_code(), reader_->problem());
  if (!open()) return;
  if (hub_.invalid_log.allow(SteadyClock::now())) {
    log::warning("connection closed for what it sent", {{"what", reader_->problem()},
                                                        {"client", name_},
                                                        {"on_port", name_of(port_)},
                                                        {"host", host_},
                                                        {"port", remote_port_},
                                                        {"not_logged", hub_.invalid_log.suppressed()}});
  }
  close(reader_->close_code(), reader_->problem());
}

void Connection::take_message() {
  switch (reader_->kind()) {
    case MessageReader::Kind::ping:
      pong_ = reader_->payload();
      pong_due_ = true;
      return;
    case MessageReader::Kind::pong: return;
    case MessageReader::Kind::close: return take_close();
    case MessageReader::Kind::text:
    case MessageReader::Kind::binary: break;
  }
  if (phase_ == Phase::hello) return take_hello();
  if (!open() || port_ == HubPort::eaters) return;  // what an eater says after its hello is not for us
  if (reader_->kind() == MessageReader::Kind::binary) return refuse_dumpling({}, "it is a binary message");
  take_dumpling(reader_->payload());
}

void Connection::take_close() {
  std::uint16_t code = 0;
  std::string_view reason;
  parse_close(reader_->payload(), code, reason);
  peer_closed_ = true;
  if (phase_ == Phase::hello) hub_.reject(Rejection::no_hello, *this, "closed by the client");
  if (open()) announce(fmt::format("left ({}{}{})", code, reason.empty() ? "" : " ", reason));
  // The answer has the same code (RFC 6455 section 5.5.1); an empty one is answered by an empty one.
  if (phase_ == Phase::hello || open()) close(code, reason);
}

// --- hello
// -----------------------------------------------------------------------------------------------------------

void Connection::reject_hello(std::uint16_t code, std::string_view why) {
  hub_.reject(Rejection::bad_hello, *this, why);
  close(code, why);
}

void Connection::take_hello() {
  if (reader_->kind() == MessageReader::Kind::binary) {
    return reject_hello(close_code::unsupported_data, "the hello is not a text message");
  }
  const bool kitchen = port_ == HubPort::kitchens;
  hub_.sweep();
  const std::size_t most = kitchen ? hub_.options.max_kitchens : hub_.options.max_eaters;
  if ((kitchen ? hub_.kitchens().size() : hub_.eaters().size()) >= most) {
    hub_.reject(Rejection::full, *this, "");
    return close(close_code::try_again_later, "this hub is full");
  }
  kitchen ? take_kitchen_hello(reader_->payload()) : take_eater_hello(reader_->payload());
}

void Connection::take_kitchen_hello(std::string_view text) {
  auto hello = parse_kitchen_hello(text);
  if (!hello) return reject_hello(close_code::policy_violation, hello.error().message);
  name_ = std::move(hello->name);
  hello_ = std::move(hello->json);
  set_phase(Phase::open);
  hub_.add_kitchen(*this);
  ++hub_.counters.kitchens_seen;
  announce("connected");
}

void Connection::take_eater_hello(std::string_view text) {
  auto hello = parse_eater_hello(text);
  if (!hello) return reject_hello(close_code::policy_violation, hello.error().message);
  const bool chooses = !hello->wanted.everything();
  auto interests = chooses ? Interests::make(hub_.names, hello->wanted) : std::nullopt;
  if (chooses && !interests) {
    return reject_hello(close_code::policy_violation, "eaters of this hub ask for too many names");
  }
  name_ = std::move(hello->name);
  hello_ = std::move(hello->json);
  queue_.emplace(hub_.log, std::move(interests));
  set_phase(Phase::open);
  hub_.add_eater(*this);
  ++hub_.counters.eaters_seen;
  announce("connected");
}

// --- dumplings
// -------------------------------------------------------------------------------------------------------

void Connection::take_dumpling(std::string_view text) {
  static_assert(MessageReader::payload_padding >= DumplingReader::padding);
  const auto dumpling = hub_.reader.read_padded(text);
  if (!dumpling) return refuse_dumpling(text, dumpling.error().message);
  ++received_;
  ++hub_.counters.dumplings_in;
  hub_.counters.bytes_in += text.size();
  if (dumpling->chef == kitchen_status_chef) take_status(dumpling->payload);
  if (hub_.eaters().empty()) return;
  FrameTags tags;
  tags.interval = dumpling->from_interval() ? 1 : 0;
  if (!hub_.names.empty()) {
    tags.chef = hub_.names.find(dumpling->chef);
    if (dumpling->kitchen) tags.kitchen = hub_.names.find(*dumpling->kitchen) & NameTable::most_names;
  }
  hub_.log.append(text, tags);
}

// Whether or not it is one of ours: it is a valid dumpling, and goes to the eaters.
void Connection::take_status(std::string_view payload) {
  const auto taken = figures_.take(payload);
  if (taken) return;
  ++hub_.counters.status_refused;
  if (!hub_.invalid_log.allow(SteadyClock::now())) return;
  log::warning("a kitchen's status was not taken", {{"why", taken.error().message},
                                                    {"kitchen", name_},
                                                    {"host", host_},
                                                    {"port", remote_port_},
                                                    {"not_logged", hub_.invalid_log.suppressed()}});
}

void Connection::refuse_dumpling(std::string_view text, std::string_view why) {
  ++invalid_;
  ++hub_.counters.invalid;
  if (!hub_.invalid_log.allow(SteadyClock::now())) return;
  log::warning("invalid dumpling skipped", {{"why", why},
                                            {"kitchen", name_},
                                            {"host", host_},
                                            {"port", remote_port_},
                                            {"bytes", text.size()},
                                            {"begins", text.substr(0, most_logged_text)},
                                            {"not_logged", hub_.invalid_log.suppressed()}});
}

}  // namespace spiderling
