// What the engine needs of the network: so that it runs over a real one and over one that a test made up.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/boost_asio.h"
#include "base/error.h"
#include "connect/deadline_queue.h"
#include "connect/port_allocator.h"
#include "spiderling/connection.h"
#include "spiderling/job.h"
#include "spiderling/measurement.h"
#include "spiders/flow_watch.h"

namespace spiderling {

/// One connection, from a bound socket to its end. Event loop's thread only. Destroyed at any time, it
/// closes.
class Conversation {
 public:
  virtual ~Conversation() = default;

  /// The five that its packets will carry.
  virtual const ExpectedFlow& flow() const = 0;
  /// The handshake, and what the mode wants said.
  virtual asio::awaitable<ConnectionRecord> connect(Deadline deadline) = 0;
  /// The handshake, and no more.
  virtual asio::awaitable<ConnectionRecord> tcp_connect(Deadline deadline) = 0;
  /// The last of these came to nothing before a packet left, and another local port may do better.
  virtual bool wants_another_port() const = 0;
  /// It has ended as if it went well, but nobody has answered: it may be made again.
  virtual bool unanswered() const { return false; }
  /// The observer has seen the first packet from the peer, or an ICMP error about ours.
  virtual void answered() {}
  virtual asio::awaitable<bool> send(std::string_view bytes, Deadline deadline) = 0;
  virtual asio::awaitable<std::string> receive(std::size_t most, Deadline deadline) = 0;
  /// Of a TCP connection that stands; else -1.
  virtual int socket() const { return -1; }
  /// To be kept until no packet of the connection can come any more.
  virtual PortLease take_lease() = 0;
};

/// Why there is no conversation: the state is skipped or discard.
struct NotPossible {
  ConnectionState state;
  std::string reason;
};

/// What one connection is made with.
struct ConversationPlan {
  const Job* job;
  const SocketSetup* setup;
  std::uint32_t mark;  ///< 0: none
  std::uint16_t port;  ///< of the destination
  ConnectMode mode;
  const ForgeMeasurement* forger =
      nullptr;             ///< not nullptr: sends its packet `number`, instead of a connection
  std::size_t number = 0;  ///< the configuration's
  HttpVersion http = HttpVersion::http1;
};

class Network {
 public:
  virtual ~Network() = default;
  /// A socket that is set up and bound; no packet has left.
  virtual tl::expected<std::unique_ptr<Conversation>, NotPossible> prepare(const ConversationPlan& plan) = 0;
};

}  // namespace spiderling
