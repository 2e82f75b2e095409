#include "testing/fake_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace spiderling::testing {
namespace {

constexpr std::size_t segment = 1400;
constexpr std::size_t dns_header = 12;

bool is_http(std::string_view text) {
  for (const std::string_view method : {"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS "}) {
    if (text.starts_with(method)) return true;
  }
  return false;
}

// RFC 1035, section 4.2.2: a length before the message.
bool is_dns(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  return text.size() >= 2 + dns_header && std::size_t{byte(0)} * 256 + byte(1) == text.size() - 2 &&
         (byte(4) & 0x80) == 0;
}

// Empty: it waits for more.
std::string answer_to(const FakeTarget& target, std::string& heard) {
  if (is_http(heard) && !target.says) {
    if (heard.find("\r\n\r\n") == heard.npos) return {};
    heard.clear();
    return fmt::format("HTTP/1.1 {} Made up\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                       target.http_status);
  }
  const std::string said = std::exchange(heard, {});
  if (target.says) return target.says(said);
  return is_dns(said) ? said.substr(0, 2) + dns_answer(said.substr(2)) : said;
}

}  // namespace

// The other end, and the coroutine that listens there.
class FakeSocket::Target : public std::enable_shared_from_this<FakeSocket::Target> {
 public:
  Target(const asio::any_io_executor& loop, int end, const FakeTarget& target, FakeExchange& exchange)
      : socket_(loop, asio::local::stream_protocol(), end), target_(target), exchange_(&exchange) {}

  void listen() {
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this()] { return self->hear(); }, asio::detached);
  }
  void finish() {
    if (exchange_ == nullptr) return;
    std::string nobody_reads_it;
    while (take(nobody_reads_it)) continue;
    exchange_ = nullptr;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  // Never reads ahead: what has come must be there for finish().
  asio::awaitable<void> hear() {
    while (exchange_ != nullptr) {
      const auto [problem] = co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_read,
                                                         asio::as_tuple(asio::use_awaitable));
      if (problem || exchange_ == nullptr) co_return;
      std::string answer;
      if (!take(answer)) break;
      const auto [failed, written] =
          co_await asio::async_write(socket_, asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
      if (failed) co_return;
    }
    boost::system::error_code ignored;
    socket_.close(ignored);  // who waits for more than there will be sees the end
  }
  // A segment; false: there is none. When it was waited for: there will be none, or it was lost.
  bool take(std::string& answer) {
    std::array<char, segment> room;
    const ssize_t size = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
    if (size <= 0) return false;
    const std::string_view said(room.data(), static_cast<std::size_t>(size));
    heard_ += said;
    const std::string reply = answer_to(target_, heard_);
    if (!exchange_->say(said, reply).ok()) return false;
    answer = reply;
    return true;
  }

  asio::local::stream_protocol::socket socket_;
  const FakeTarget& target_;
  FakeExchange* exchange_;
  std::string heard_;
};

FakeSocket::FakeSocket(const asio::any_io_executor& loop, const FakeTarget& target, FakeExchange& exchange) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::runtime_error(fmt::format("no pair of sockets: error {}", errno));
  ours_ = FileDescriptor(ends[0]);
  target_ = std::make_shared<Target>(loop, ends[1], target, exchange);
  target_->listen();
}

void FakeSocket::finish() { target_->finish(); }

}  // namespace spiderling::testing
