// The socket of a connection over a made-up network, for measurements whose own code talks through it.
#pragma once

#include <memory>
#include <string>

#include "base/boost_asio.h"
#include "base/file_descriptor.h"
#include "spiderling/testing/fake_network.h"
#include "testing/fake_exchange.h"

namespace spiderling::testing {

/// One end of a pair of local sockets; at the other end is the target: what is said goes into the exchange,
/// packet by packet, and what it answers comes out. A target answers as FakeTarget::says says; else requests
/// of HTTP and questions of DNS, and to anything else it says the same. When
/// something is lost the target's end is closed, since nobody shall wait for what does not come. What is said
/// in two calls may travel in one segment, as TCP may do it.
///
/// Event loop's thread only, but for the end that is given away.
class FakeSocket {
 public:
  /// `target` and `exchange`, which stands, outlive it. Throws std::runtime_error.
  FakeSocket(const asio::any_io_executor& loop, const FakeTarget& target, FakeExchange& exchange);
  ~FakeSocket() { finish(); }
  FakeSocket(const FakeSocket&) = delete;
  FakeSocket& operator=(const FakeSocket&) = delete;

  /// Does not block; closed with this.
  int ours() const { return ours_.get(); }
  /// Hears what was said up to now, and closes the target's end.
  void finish();

 private:
  class Target;
  FileDescriptor ours_;
  std::shared_ptr<Target> target_;
};

}  // namespace spiderling::testing
