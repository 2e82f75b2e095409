// Bytes to and from a peer, without waiting; waiting is a step of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "connect/deadline_queue.h"
#include "connect/outcome.h"

namespace spiderling {

/// What came of an attempt to read or write.
struct Transfer {
  enum class Kind : std::uint8_t {
    done,         ///< `bytes` of them, at least one
    needs_read,   ///< not before the socket is readable
    needs_write,  ///< ... writable
    end,          ///< the peer sends no more
    broken,       ///< `fault` says what is wrong
  };
  Kind kind = Kind::done;
  std::size_t bytes = 0;
  Outcome fault{};

  /// Neither done nor worth waiting.
  bool is_over() const { return kind == Kind::end || kind == Kind::broken; }
  Outcome why_over() const { return kind == Kind::end ? Outcome::failed("closed by the peer") : fault; }
};

/// A connection that stands, plain or with TLS on it. Since reading and waiting are apart, a connection that
/// waits holds no buffer.
///
/// Thread-safety: that of the io_context, one thread. Outlives the coroutines that were given it.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  virtual Transfer read_some(std::span<char> room) = 0;
  virtual Transfer write_some(std::string_view bytes) = 0;
  /// Until the socket is ready for what `why` needs (needs_read or needs_write), or the deadline.
  virtual boost::asio::awaitable<Outcome> wait(Transfer::Kind why, Deadline deadline) = 0;
};

/// Room for what is read and used up at once, 64 KiB: one for all connections of a thread, none of which
/// waits meanwhile.
std::span<char> scratch();

/// Until all is taken.
boost::asio::awaitable<Outcome> send_all(Stream& stream, std::string_view bytes, Deadline deadline);

struct Received {
  std::string bytes;  ///< empty and ok: the peer sends no more
  Outcome outcome{};
};
/// At least one byte, at most `most` and 64 KiB.
boost::asio::awaitable<Received> receive_some(Stream& stream, std::size_t most, Deadline deadline);

}  // namespace spiderling
