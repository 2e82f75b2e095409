// Local ports of ours: which port a connection leaves from, known before its first packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "base/error.h"
#include "spiderling/address.h"

namespace spiderling {

/// Both ends are in it.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  std::uint32_t size() const { return last < first ? 0 : std::uint32_t{last} - first + 1; }
};

/// The upper half of the ports that this machine's kernel gives out (net.ipv4.ip_local_port_range), so that
/// the host's own connections keep half of them for themselves.
PortRange default_port_range();

class PortLease;

/// Gives out local ports. One port serves many destinations at a time: what is in use is the pair of a port
/// and a destination, from take() until the lease ends, and no pair is in use twice.
///
/// Ports towards one destination go round the whole range, so that a pair comes back as late as possible,
/// long after the kernel has forgotten its last connection (RFC 6056, section 3.3.4: an offset and a counter
/// for each destination, both found by a hash with a secret; counters are shared by destinations of one hash,
/// hence the memory is bounded: 256 KiB and some 50 bytes a pair in use).
///
/// Thread-safety: one thread, that of its leases too. A lease may outlive it.
///
///     PortAllocator ports(default_port_range(), 10'000);
///     auto lease = ports.take(target, 443);
///     if (!lease) return tl::unexpected(lease.error());
///     bind(socket, lease->port());
class PortAllocator {
 public:
  /// At most so many pairs in use at once.
  PortAllocator(PortRange range, std::size_t max_in_use);
  PortAllocator(const PortAllocator&) = delete;
  PortAllocator& operator=(const PortAllocator&) = delete;

  /// An error if every port towards the destination is in use, or too many pairs are in all.
  Result<PortLease> take(const IpAddress& address, std::uint16_t port);

  std::size_t in_use() const;
  PortRange range() const;

 private:
  friend class PortLease;

  struct Pair {
    IpAddress address;
    std::uint16_t port = 0;
    std::uint16_t local_port = 0;
    bool operator==(const Pair&) const = default;
  };
  struct PairHash {
    using is_avalanching = void;
    std::uint64_t secret;
    std::size_t operator()(const Pair& pair) const noexcept;
  };
  struct State {
    PortRange range;
    std::size_t max_in_use;
    std::uint64_t secret;
    std::vector<std::uint32_t> counters;
    boost::unordered_flat_set<Pair, PairHash> in_use;
  };

  std::shared_ptr<State> state_;
};

/// A pair in use: given back when this ends. Movable; empty when moved from.
class PortLease {
 public:
  PortLease() = default;
  PortLease(PortLease&&) noexcept = default;
  PortLease& operator=(PortLease&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(pair_, other.pair_);
    return *this;
  }
  ~PortLease() { give_back(); }

  void give_back() {
    if (state_) std::exchange(state_, nullptr)->in_use.erase(pair_);
  }
  /// The local port; 0 if nothing is leased.
  std::uint16_t port() const { return state_ ? pair_.local_port : std::uint16_t{0}; }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend class PortAllocator;
  PortLease(std::shared_ptr<PortAllocator::State> state, const PortAllocator::Pair& pair)
      : state_(std::move(state)), pair_(pair) {}

  std::shared_ptr<PortAllocator::State> state_;
  PortAllocator::Pair pair_;
};

}  // namespace spiderling
