// Addresses of names, thousands at a time, by c-ares.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/boost_asio.h"
#include "base/error.h"
#include "connect/resolver_address.h"
#include "spiderling/resolver.h"

namespace spiderling {

struct NameResolverOptions {
  std::vector<ResolverAddress> resolvers{};  ///< asked in turns; empty: the system's (/etc/resolv.conf)
  /// Of one name in all. Tries share it, each waiting twice as long as the one before.
  std::chrono::milliseconds timeout{5000};
  unsigned tries = 3;  ///< at each resolver
};

/// A job's domain as a question can carry it: letters, digits, `-`, `_` and dots, labels of 1 to 63 and names
/// of at most 253 bytes (RFC 1035, section 2.3.4). A name beyond ASCII is no such thing: it is to be written
/// as its A-labels (RFC 5890).
bool is_askable_name(std::string_view name);

/// Asks from several local ports. Its answers are checked by c-ares: sender, number and question are those of
/// what was asked. What is truncated is asked for again over TCP.
///
/// Thread-safety: that of the io_context, one thread, which outlives it. Whoever waits when it is
/// destroyed is never resumed, and ends with the io_context.
class NameResolver {
 public:
  static constexpr std::size_t most_resolvers = 16;

  /// An error if c-ares cannot be set up.
  static Result<std::unique_ptr<NameResolver>> make(boost::asio::io_context& loop,
                                                    const NameResolverOptions& options);
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;
  ~NameResolver();

  /// As Resolver::resolve().
  boost::asio::awaitable<ResolvedName> resolve(std::string name);

 private:
  class Channel;
  struct Lookup;

  explicit NameResolver(boost::asio::io_context& loop);

  boost::asio::io_context& loop_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::size_t next_channel_ = 0;
};

}  // namespace spiderling
