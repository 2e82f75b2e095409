// Names to addresses: what the engine hands to a measurement that expands jobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spiderling/address.h"
#include "spiderling/task.h"

namespace spiderling {

/// What came of asking for the addresses of a name.
enum class NameState : std::uint8_t {
  resolved,       ///< at least one address
  bad_name,       ///< no host name: nobody was asked
  no_such_name,   ///< the name does not exist (NXDOMAIN, RFC 1035, section 4.1.1)
  no_address,     ///< it exists, and has no address of the families that were asked for
  server_failed,  ///< the resolver could not find out (SERVFAIL)
  refused,        ///< the resolver would not say (REFUSED), or nobody listens there
  no_answer,      ///< nothing came in time
  bad_answer,     ///< what came was no answer of DNS
  failed,         ///< something of ours: no socket, no memory
};

/// For a person, and for counters: "no such name".
constexpr const char* name_of(NameState state) {
  switch (state) {
    case NameState::resolved: return "resolved";
    case NameState::bad_name: return "no host name";
    case NameState::no_such_name: return "no such name";
    case NameState::no_address: return "no address";
    case NameState::server_failed: return "server failure";
    case NameState::refused: return "refused";
    case NameState::no_answer: return "no answer in time";
    case NameState::bad_answer: return "bad answer";
    case NameState::failed: break;
  }
  return "failed on this host";
}

/// A value.
struct ResolvedName {
  NameState state = NameState::failed;
  /// IPv4 before IPv6, each in the order of the answer; none twice. At most Resolver::most_addresses.
  std::vector<IpAddress> addresses;
  std::size_t left_out = 0;  ///< addresses beyond that
  /// `resolved`, but the question for the other family came to nothing: more addresses may exist.
  bool incomplete = false;
};

/// Asks the resolvers that the user named, or the system's. Event loop's thread only.
///
///     Task<Expansion> expand(const Job& job, Resolver& resolver) override {
///       const ResolvedName name = co_await resolver.resolve("www." + job.domain);
///       Expansion expansion;
///       for (const IpAddress& address : name.addresses) expansion.jobs.push_back(job.at(address));
///       co_return expansion;
///     }
class Resolver {
 public:
  static constexpr std::size_t most_addresses = 64;  ///< of one name

  virtual ~Resolver() = default;

  /// A and AAAA, at the same time. The name is asked for as it is: no search list, no hosts file. One that
  /// is an address in text is that address. Never fails otherwise than by the answer's state.
  virtual Task<ResolvedName> resolve(std::string name) = 0;
};

}  // namespace spiderling
