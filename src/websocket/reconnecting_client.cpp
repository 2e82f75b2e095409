#include "websocket/reconnecting_client.h"

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include "base/boost_asio.h"

namespace spiderling {

using namespace std::chrono_literals;

namespace {

constexpr auto tick_every = 100ms;
// A connection that lived so long was a good one: the waits start again from the first.
constexpr auto good_after = 10s;

}  // namespace

std::chrono::milliseconds Backoff::wait(unsigned attempt, double random) const {
  auto whole = first;
  for (unsigned i = 0; i < attempt && whole < longest; ++i) whole *= 2;
  whole = std::min(whole, longest);
  const double half = static_cast<double>(whole.count()) / 2;
  return std::chrono::milliseconds(static_cast<std::int64_t>(half + half * random));
}

struct ReconnectingClient::Impl {
  Impl(ClientOptions given, ReconnectOptions again, ReconnectHandlers callbacks)
      : options(std::move(given)),
        reconnect(again),
        handlers(std::move(callbacks)),
        queue(std::make_shared<OutgoingQueue>(options.queue)) {}

  const ClientOptions options;
  const ReconnectOptions reconnect;
  const ReconnectHandlers handlers;
  const std::shared_ptr<OutgoingQueue> queue;
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer next_try{context};
  asio::steady_timer ticker{context};
  std::optional<WebSocketClient> client;
  std::atomic<bool> connected = false;
  std::atomic<bool> stopping = false;
  std::thread thread;
  std::minstd_rand random{std::random_device{}()};
  unsigned attempt = 0;
  bool was_open = false;
  std::chrono::steady_clock::time_point opened;

  void begin() {
    if (handlers.on_tick) tick();
    connect();
  }

  void tick() {
    handlers.on_tick();
    ticker.expires_after(tick_every);
    ticker.async_wait([this](const boost::system::error_code& problem) {
      if (!problem) tick();
    });
  }

  void connect() {
    if (stopping) return finish();
    ClientHandlers callbacks;
    callbacks.on_open = [this] {
      was_open = connected = true;
      opened = std::chrono::steady_clock::now();
      if (handlers.on_open) handlers.on_open();
    };
    callbacks.on_message = handlers.on_message;
    callbacks.on_idle = handlers.on_idle;
    callbacks.on_close = [this](std::uint16_t code, std::string_view reason) {
      lost(code, std::string(reason));
    };
    callbacks.on_error = [this](const std::string& problem) { failed(problem); };
    client.emplace(context, options, std::move(callbacks), queue);
    client->connect();
  }

  // Both are called by `client`, so it is replaced only later, by connect().
  void lost(std::uint16_t code, const std::string& why) {
    connected = false;
    if (stopping) return finish();
    if (std::chrono::steady_clock::now() - opened > good_after) attempt = 0;
    const auto wait = reconnect.retry ? next_wait() : 0ms;
    if (handlers.on_lost) handlers.on_lost(code, why, wait);
    try_again(wait);
  }

  void failed(const std::string& problem) {
    if (stopping) return finish();
    const bool again = reconnect.retry && (was_open || reconnect.retry_first);
    const auto wait = again ? next_wait() : 0ms;
    if (handlers.on_failed) handlers.on_failed(problem, wait);
    try_again(wait);
  }

  std::chrono::milliseconds next_wait() {
    const double portion = static_cast<double>(random() - random.min()) / static_cast<double>(random.max());
    return std::max(reconnect.backoff.wait(attempt++, portion), 1ms);
  }

  void try_again(std::chrono::milliseconds wait) {
    if (wait == 0ms || stopping) return finish();
    next_try.expires_after(wait);
    next_try.async_wait([this](const boost::system::error_code&) { connect(); });
  }

  void stop(std::uint16_t code, const std::string& reason) {
    if (client && connected) {
      client->close(code, reason);
    } else if (next_try.cancel() == 0) {
      finish();
    }
  }

  void finish() {
    ticker.cancel();
    work.reset();
    context.stop();
  }
};

ReconnectingClient::ReconnectingClient(ClientOptions options, ReconnectOptions reconnect,
                                       ReconnectHandlers handlers)
    : impl_(std::make_unique<Impl>(std::move(options), reconnect, std::move(handlers))) {}

ReconnectingClient::~ReconnectingClient() {
  stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void ReconnectingClient::run() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->begin(); });
  impl_->context.run();
}

void ReconnectingClient::start() {
  impl_->thread = std::thread([this] { run(); });
}

bool ReconnectingClient::send(std::string_view message) { return impl_->queue->push(message); }

std::string_view ReconnectingClient::send_lines(std::string_view lines) {
  return impl_->queue->push_lines(lines);
}

bool ReconnectingClient::flush(std::chrono::milliseconds deadline) {
  if (!impl_->connected) {
    // The deadline may be shorter than the wait for the next try.
    asio::post(impl_->context, [impl = impl_.get()] {
      impl->attempt = 0;
      impl->next_try.cancel();
    });
  }
  return impl_->queue->wait_until_empty(deadline);
}

void ReconnectingClient::stop(std::uint16_t code, std::string_view reason) {
  if (impl_->stopping.exchange(true)) return;
  asio::post(impl_->context,
             [impl = impl_.get(), code, text = std::string(reason)] { impl->stop(code, text); });
}

bool ReconnectingClient::connected() const { return impl_->connected; }

OutgoingCounters ReconnectingClient::counters() const { return impl_->queue->counters(); }

}  // namespace spiderling
