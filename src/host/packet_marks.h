// The packets of just some sockets, changed on their way out: a socket is given a mark (SO_MARK), and an nft
// table, rules and routes of ours are for marked packets alone. The rest of the host's traffic is not
// touched.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/host.h"
#include "host/journal.h"
#include "spiderling/connection.h"

namespace spiderling {

/// What happens to the packets of a socket.
struct MarkedChange {
  EcnRequest ecn = EcnRequest::as_host;
  /// For a raw socket that sends forged segments of TCP: what the peer answers the kernel knows of no
  /// connection for, and would reset. It does not, between exactly the two ends of each such segment, for
  /// `quiet_for` after it. At most a million pairs of ends at once: beyond that, and later, it does.
  bool forges_tcp = false;
  /// A SYN without the Fast Open option (RFC 7413) does not leave: the kernel sends a lost one again like
  /// that.
  bool keeps_fast_open = false;
  /// Nothing, but the packets have a mark, for rules of others.
  bool only_marked = false;
};

/// How long the kernel does not reset what answers a forged segment: longer than a connection is waited for
/// by default. A half-open connection that the peer still remembers then is reset when it asks again.
inline constexpr std::chrono::seconds quiet_for{20};

/// Marks, as long as this lives. Not thread-safe; sockets may be marked from any thread.
///
/// How ECN is switched on: a rule sends marked packets to a routing table of ours, a copy of the main table
/// whose routes have `features ecn`, so that the kernel negotiates ECN and speaks it; when it retreats on a
/// retransmitted SYN, nft sets the two flags again. The routes are copied once: a route that the host gets
/// later is used by marked sockets as well, since they go on to the main table, but without ECN; `verify`
/// then says so. Addresses of the host itself are reached by its table `local`, which comes before all rules:
/// nothing is changed there. The same holds for what another rule of the host sends elsewhere before the main
/// table is asked; `speaks_ecn_to` tells.
///
///     const MarkedChange changes[] = {{EcnRequest::off}, {EcnRequest::on}};
///     auto marks = PacketMarks::install(host, journal, changes);
///     if (!marks) return tl::unexpected(marks.error());
///     set_mark(socket, (*marks)->mark(1));
class PacketMarks {
 public:
  /// Installs all of it and reads it back, or leaves the host as it was. Errors: no CAP_NET_ADMIN, no nft,
  /// the host uses the marks itself, the kernel lacks something; each says what still works.
  static Result<std::unique_ptr<PacketMarks>> install(Host& host, Journal& journal,
                                                      std::span<const MarkedChange> changes);
  PacketMarks(const PacketMarks&) = delete;
  PacketMarks& operator=(const PacketMarks&) = delete;
  /// Removes everything. What could not be removed stays in the journal.
  ~PacketMarks();

  /// The mark for the change of this index; 0, no mark at all, for one that changes nothing.
  std::uint32_t mark(std::size_t index) const { return marks_.at(index); }

  /// Everything is still there, and the copied routes are still the host's.
  Result<void> verify() const;

  /// Copies the routes anew if they are not the host's any more: after its network was away, say.
  Result<void> renew_routes();

  /// Whether a connection to this address with the mark of `index` negotiates ECN: asks the kernel for its
  /// route.
  Result<bool> speaks_ecn_to(const std::string& address, std::size_t index) const;

  /// Removes everything now, and says what was done. The destructor then has nothing left to do.
  UndoReport remove();

 private:
  PacketMarks(Host& host, Journal& journal) : host_(host), journal_(journal) {}
  Result<void> make_plan(std::span<const MarkedChange> changes);
  Result<void> apply();
  Result<void> copy_routes(Family family);
  Result<void> verify_nft() const;
  Result<void> verify_rules() const;
  Result<void> verify_routes(Family family) const;

  Host& host_;
  Journal& journal_;
  Journal::Entry entry_ = 0;
  std::vector<std::uint32_t> marks_;
  std::string nft_name_;
  std::string nft_body_;
  std::size_t nft_rules_ = 0;
  std::vector<PolicyRule> rules_;
  std::uint32_t table_ = 0;
  std::vector<Route> leading_nowhere_;  // of the main table, not copied
};

}  // namespace spiderling
