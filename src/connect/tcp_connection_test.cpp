#include "connect/tcp_connection.h"

#include <gtest/gtest.h>

#include <optional>

#include <boost/asio/bind_cancellation_slot.hpp>

#include "connect/test_server.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;

const IpAddress loopback = address("127.0.0.1");
const IpAddress loopback6 = address("::1");

asio::awaitable<Outcome> connect(TcpConnection& connection, IpAddress to, std::uint16_t port,
                                 Deadline deadline) {
  if (Outcome ready = connection.prepare(to, port, {}, 0); !ready.ok()) co_return ready;
  co_return co_await connection.connect(deadline);
}

class BothFamilies : public ::testing::TestWithParam<IpAddress> {};
INSTANTIATE_TEST_SUITE_P(Loopback, BothFamilies, ::testing::Values(loopback, loopback6),
                         [](const auto& tested) { return tested.param == loopback ? "IPv4" : "IPv6"; });

TEST_P(BothFamilies, TellsItsEndsBeforeItsSynLeaves) {
  Loop loop;
  const Listener listener(GetParam());
  TcpConnection connection(loop.shared);
  ASSERT_TRUE(connection.prepare(GetParam(), listener.port(), {}, 0).ok());
  const ConnectionEnds ends = connection.ends();
  EXPECT_EQ(ends.sip, GetParam());
  EXPECT_EQ(ends.dip, GetParam());
  EXPECT_EQ(ends.dp, listener.port());
  EXPECT_GE(ends.sp, loop.shared->ports.range().first);
  EXPECT_LE(ends.sp, loop.shared->ports.range().last);

  EXPECT_TRUE(loop.run(connection.connect(patiently())).ok());
  SocketAddress peer;
  const FileDescriptor accepted(::accept(listener.descriptor(), peer.room(), peer.room_size()));
  EXPECT_EQ(peer.address(), ends.sip);
  EXPECT_EQ(peer.port(), ends.sp);
}

TEST_P(BothFamilies, BytesGoBothWaysAndTheEndIsTold) {
  Loop loop;
  Server server(loop.io, answer_with("hello"), GetParam());
  const auto talk = [&]() -> asio::awaitable<std::string> {
    TcpConnection connection(loop.shared);
    EXPECT_TRUE((co_await connect(connection, GetParam(), server.port(), patiently())).ok());
    EXPECT_TRUE((co_await send_all(connection, "anybody there?\r\n\r\n", patiently())).ok());
    std::string all;
    for (;;) {
      const Received piece = co_await receive_some(connection, 3, patiently());
      EXPECT_TRUE(piece.outcome.ok()) << piece.outcome.reason;
      EXPECT_LE(piece.bytes.size(), 3u);
      if (piece.bytes.empty()) co_return all;
      all += piece.bytes;
    }
  };
  EXPECT_EQ(loop.run(talk()), "hello");
}

// Whoever has no cookie asks for one, and the SYN leaves at once; tests/measure/syns.py has those with one.
TEST_P(BothFamilies, FastOpenWithoutACookieConnectsAsUsual) {
  Loop loop;
  const Listener listener(GetParam());
  TcpConnection connection(loop.shared);
  SocketSetup setup;
  setup.fast_open = FastOpen::ask;
  const Outcome ready = connection.prepare(GetParam(), listener.port(), setup, 0);
  if (!ready.ok()) {
    EXPECT_EQ(ready.state, ConnectionState::discard);
    EXPECT_EQ(ready.reason, "cannot forget a cookie of TCP Fast Open: CAP_NET_ADMIN is missing");
    return;
  }
  EXPECT_TRUE(loop.run(connection.connect(patiently())).ok());
  EXPECT_FALSE(connection.is_held_back());
}

TEST_P(BothFamilies, NobodyListens) {
  Loop loop;
  std::uint16_t port = Listener(GetParam()).port();
  TcpConnection connection(loop.shared);
  const Outcome outcome = loop.run(connect(connection, GetParam(), port, patiently()));
  EXPECT_EQ(outcome.state, ConnectionState::failed);
  EXPECT_EQ(outcome.reason, "connection refused");
}

TEST(TcpConnection, SilenceEndsAtTheDeadline) {
  Loop loop;
  const SilentListener silent;
  TcpConnection connection(loop.shared);
  const Deadline deadline = in(200ms);
  const Outcome outcome = loop.run(connect(connection, loopback, silent.port(), deadline));
  EXPECT_EQ(outcome.state, ConnectionState::timeout);
  EXPECT_EQ(outcome.reason, "no answer in time");
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(TcpConnection, ASilentTargetDelaysNoOther) {
  Loop loop;
  const SilentListener silent;
  const Listener listener;
  TcpConnection waiting(loop.shared), other(loop.shared);
  std::optional<Outcome> of_waiting;
  asio::co_spawn(loop.io, connect(waiting, loopback, silent.port(), in(10min)),
                 [&](std::exception_ptr, Outcome outcome) { of_waiting = std::move(outcome); });
  EXPECT_TRUE(loop.run(connect(other, loopback, listener.port(), patiently())).ok());
  EXPECT_FALSE(of_waiting);
  waiting.cancel();
  loop.run_until([&] { return of_waiting.has_value(); });
  EXPECT_EQ(of_waiting->state, ConnectionState::discard);
  EXPECT_EQ(of_waiting->reason, "given up");
}

TEST(TcpConnection, AResetIsToldApartFromAnEnd) {
  Loop loop;
  Server server(loop.io, answer_with("", [](Server::Socket& socket) -> asio::awaitable<void> {
                  send_reset(socket);
                  co_return;
                }));
  const auto talk = [&]() -> asio::awaitable<Received> {
    TcpConnection connection(loop.shared);
    EXPECT_TRUE((co_await connect(connection, loopback, server.port(), patiently())).ok());
    EXPECT_TRUE((co_await send_all(connection, "\r\n\r\n", patiently())).ok());
    co_return co_await receive_some(connection, 100, patiently());
  };
  const Received received = loop.run(talk());
  EXPECT_EQ(received.outcome.state, ConnectionState::failed);
  EXPECT_EQ(received.outcome.reason, "connection reset");
}

TEST(TcpConnection, WhoReadsNothingIsNotWrittenToForEver) {
  Loop loop;
  const Listener listener;
  const std::string much(16 << 20, 'x');
  const auto talk = [&]() -> asio::awaitable<Outcome> {
    TcpConnection connection(loop.shared);
    EXPECT_TRUE((co_await connect(connection, loopback, listener.port(), patiently())).ok());
    co_return co_await send_all(connection, much, in(200ms));
  };
  EXPECT_EQ(loop.run(talk()).state, ConnectionState::timeout);
}

// The server's coroutine runs in the same event loop: a reader that did not wait would never let it send
// again, and one that did not look at the clock would read for ever.
TEST(TcpConnection, WhoSendsForEverIsReadUntilTheDeadlineAtMost) {
  Loop loop;
  Server server(loop.io, repeat(std::string(64 << 10, 'x')));
  const auto talk = [&]() -> asio::awaitable<Outcome> {
    TcpConnection connection(loop.shared);
    EXPECT_TRUE((co_await connect(connection, loopback, server.port(), patiently())).ok());
    const Deadline deadline = in(200ms);
    for (;;) {
      const Received piece = co_await receive_some(connection, 64 << 10, deadline);
      if (!piece.outcome.ok()) co_return piece.outcome;
      if (piece.bytes.empty()) co_return Outcome::failed("it ended");
    }
  };
  EXPECT_EQ(loop.run(talk()).state, ConnectionState::timeout);
}

// --- local ports

TEST(TcpConnection, OneLocalPortServesSeveralDestinations) {
  Loop loop;
  loop.use({.ports = {20'000, 20'000}});
  const Listener one, two;
  TcpConnection first(loop.shared), second(loop.shared), third(loop.shared);
  EXPECT_TRUE(loop.run(connect(first, loopback, one.port(), patiently())).ok());
  EXPECT_TRUE(loop.run(connect(second, loopback, two.port(), patiently())).ok());
  EXPECT_EQ(first.ends().sp, second.ends().sp);
  const Outcome again = third.prepare(loopback, one.port(), {}, 0);
  EXPECT_EQ(again.state, ConnectionState::discard);
  EXPECT_EQ(again.reason, "every local port from 20000 to 20000 is in use towards 127.0.0.1 port " +
                              std::to_string(one.port()));
}

TEST(TcpConnection, APortOfAnotherProgramIsPassedOver) {
  Loop loop;
  std::optional<Listener> others(std::in_place, loopback);  // a free port, and the one above
  const std::uint16_t taken = others->port();
  loop.use({.ports = {taken, static_cast<std::uint16_t>(taken + 20)}});
  const Listener listener;
  for (int i = 0; i < 40; ++i) {
    TcpConnection connection(loop.shared);
    ASSERT_TRUE(connection.prepare(loopback, listener.port(), {}, 0).ok());
    EXPECT_NE(connection.ends().sp, taken);
  }
  loop.use({.ports = {taken, taken}});
  TcpConnection connection(loop.shared);
  const Outcome outcome = connection.prepare(loopback, listener.port(), {}, 0);
  EXPECT_EQ(outcome.state, ConnectionState::discard);
  EXPECT_EQ(outcome.reason, "other programs hold the local ports that we would use");
  EXPECT_EQ(loop.shared->ports.in_use(), 0u);
}

TEST(TcpConnection, APairThatTheKernelRemembersIsTold) {
  Loop loop;
  loop.use({.ports = {20'001, 20'001}});
  const Listener listener;
  // Another socket of the same two ends, which the allocator knows nothing of.
  const FileDescriptor holder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(holder.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const SocketAddress here(loopback, 20'001), there(loopback, listener.port());
  ASSERT_EQ(::bind(holder.get(), here.get(), here.size()), 0);
  ASSERT_EQ(::connect(holder.get(), there.get(), there.size()), 0);

  TcpConnection connection(loop.shared);
  const Outcome outcome = loop.run(connect(connection, loopback, listener.port(), patiently()));
  EXPECT_EQ(outcome.state, ConnectionState::discard);
  EXPECT_TRUE(outcome.port_taken);
}

TEST(TcpConnection, TheLeaseMayBeHeldLongerThanTheConnection) {
  Loop loop;
  loop.use({.ports = {20'002, 20'002}});
  const Listener listener;
  TcpConnection connection(loop.shared);
  ASSERT_TRUE(connection.prepare(loopback, listener.port(), {}, 0).ok());
  PortLease lease = connection.take_lease();
  connection.close();
  EXPECT_EQ(lease.port(), 20'002);
  EXPECT_FALSE(connection.prepare(loopback, listener.port(), {}, 0).ok());
  lease.give_back();
  EXPECT_TRUE(connection.prepare(loopback, listener.port(), {}, 0).ok());
}

// --- the end

bool sees_reset(const Listener& listener) {
  const FileDescriptor accepted(::accept(listener.descriptor(), nullptr, nullptr));
  const timeval limit{patience.count(), 0};
  ::setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char byte = 0;
  const ssize_t got = ::recv(accepted.get(), &byte, 1, 0);
  EXPECT_TRUE(got == 0 || errno == ECONNRESET);
  return got < 0;
}

TEST(TcpConnection, ClosesWithAFinAndAbortsWithAReset) {
  Loop loop;
  const Listener listener;
  TcpConnection connection(loop.shared);
  ASSERT_TRUE(loop.run(connect(connection, loopback, listener.port(), patiently())).ok());
  connection.close();
  EXPECT_FALSE(sees_reset(listener));
  ASSERT_TRUE(loop.run(connect(connection, loopback, listener.port(), patiently())).ok());
  connection.abort();
  EXPECT_TRUE(sees_reset(listener));
  EXPECT_EQ(loop.shared->ports.in_use(), 0u);
}

TEST(TcpConnection, NothingIsLeftWhateverStateItEndsIn) {
  const std::size_t before = open_descriptors();
  {
    Loop loop;
    const SilentListener silent;
    Server server(loop.io, say_nothing);
    TcpConnection unprepared(loop.shared), prepared(loop.shared), connected(loop.shared);
    ASSERT_TRUE(prepared.prepare(loopback, server.port(), {}, 0).ok());
    ASSERT_TRUE(loop.run(connect(connected, loopback, server.port(), patiently())).ok());
    int waiting = 0;
    const auto receive = [&]() -> asio::awaitable<void> {
      TcpConnection connection(loop.shared);
      EXPECT_TRUE((co_await connect(connection, loopback, server.port(), patiently())).ok());
      ++waiting;
      co_await receive_some(connection, 10, patiently());
      ADD_FAILURE() << "nobody answered";
    };
    const auto wait_for_handshake = [&]() -> asio::awaitable<void> {
      TcpConnection connection(loop.shared);
      EXPECT_TRUE(connection.prepare(loopback, silent.port(), {}, 0).ok());
      ++waiting;
      co_await connection.connect(patiently());
      ADD_FAILURE() << "nobody answered";
    };
    asio::co_spawn(loop.io, receive(), asio::detached);
    asio::co_spawn(loop.io, wait_for_handshake(), asio::detached);
    loop.run_until([&] { return waiting == 2; });
    loop.shared.reset();  // the connections hold it until they are gone
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(TcpConnection, CancelledByAsiosOwnWayItEndsTheSame) {
  const std::size_t before = open_descriptors();
  {
    Loop loop;
    const SilentListener silent;
    asio::cancellation_signal signal;
    bool waiting = false, ended = false;
    const auto work = [&]() -> asio::awaitable<void> {
      TcpConnection connection(loop.shared);
      EXPECT_TRUE(connection.prepare(loopback, silent.port(), {}, 0).ok());
      waiting = true;
      EXPECT_EQ((co_await connection.connect(patiently())).state, ConnectionState::discard);
    };
    asio::co_spawn(loop.io, work(),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
    loop.run_until([&] { return waiting; });
    signal.emit(asio::cancellation_type::terminal);
    loop.run_until([&] { return ended; });
    EXPECT_EQ(loop.shared->deadlines.size(), 0u);
  }
  EXPECT_EQ(open_descriptors(), before);
}

// --- targets that cannot be

TEST(TcpConnection, NoSuchDestinationIsSkippedWithAReason) {
  Loop loop;
  TcpConnection connection(loop.shared);
  const auto why = [&](const IpAddress& to) {
    const Outcome outcome = connection.prepare(to, 80, {}, 0);
    EXPECT_EQ(outcome.state, ConnectionState::skipped) << to.to_string();
    return outcome.reason;
  };
  EXPECT_EQ(why(IpAddress{}), "no address to connect to");
  EXPECT_EQ(why(address("0.0.0.0")), "the unspecified address is no destination");
  EXPECT_EQ(why(address("::")), "the unspecified address is no destination");
  EXPECT_EQ(why(address("::ffff:127.0.0.1")),
            "an IPv4 address written as an IPv6 address is no destination: write it as IPv4");
  EXPECT_EQ(why(address("fe80::1")), "no route to fe80::1 from this machine: Invalid argument");
}

TEST(TcpConnection, ASetupThatTheKernelRefusesIsOurFault) {
  Loop loop;
  TcpConnection connection(loop.shared);
  SocketSetup setup;
  setup.network_namespace = "/nonexistent/namespace";
  EXPECT_EQ(connection.prepare(loopback, 80, setup, 0).state, ConnectionState::discard);
}

// --- many

TEST(TcpConnection, TwoThousandAtOnce) {
  const std::size_t before = open_descriptors();
  {
    Loop loop;
    Server server(loop.io, say_nothing);
    Server server6(loop.io, say_nothing, loopback6);
    int connected = 0, done = 0;
    const auto work = [&](const IpAddress to, std::uint16_t port) -> asio::awaitable<void> {
      TcpConnection connection(loop.shared);
      const Outcome outcome = co_await connect(connection, to, port, patiently());
      EXPECT_TRUE(outcome.ok()) << outcome.reason;
      ++connected;
      EXPECT_EQ((co_await receive_some(connection, 1, patiently())).outcome.state, ConnectionState::ok);
      ++done;
    };
    for (int i = 0; i < 1000; ++i) {
      asio::co_spawn(loop.io, work(loopback, server.port()), asio::detached);
      asio::co_spawn(loop.io, work(loopback6, server6.port()), asio::detached);
    }
    loop.run_until(
        [&] { return connected == 2000 && server.accepted() == 1000 && server6.accepted() == 1000; });
    EXPECT_EQ(loop.shared->ports.in_use(), 2000u);
    EXPECT_EQ(done, 0);
    server.stop();
    server6.stop();
    loop.run_until([&] { return done == 2000; });
    EXPECT_EQ(loop.shared->ports.in_use(), 0u);
    EXPECT_EQ(loop.shared->deadlines.size(), 0u);
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace spiderling
