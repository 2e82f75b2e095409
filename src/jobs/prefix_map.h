// Prefixes of addresses, and what is said of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spiderling/address.h"

namespace spiderling {

/// 192.0.2.0/24, 2001:db8::/32, or a single address.
struct Prefix {
  IpAddress address;
  unsigned length = 0;

  /// Error: why it is none, as the rest of a sentence: "'10.0.0.1/8' has bits behind its length; ...".
  static Result<Prefix> parse(std::string_view text);
};

/// Tells what the longest prefix that covers an address says: a number of the caller's, where 0 is as if the
/// prefix were not there (but hides shorter ones). Made once, then only asked. Asking is a binary search.
///
///     PrefixMap map;
///     map.add(*Prefix::parse("10.0.0.0/8"), 7);
///     map.finish();
///     map.find(*IpAddress::parse("10.1.2.3"));  // 7
class PrefixMap {
 public:
  /// Of one prefix that is added twice the later one counts.
  void add(const Prefix& prefix, std::uint32_t value);
  /// After the last add(), before the first find().
  void finish();
  /// 0: no prefix covers it, or the longest one says 0; also for no address.
  std::uint32_t find(const IpAddress& address) const;
  /// Prefixes that were added.
  std::size_t size() const { return added_; }

 private:
  // The bytes of an address as a number, the first byte the highest; IPv4 has the upper 32 bits.
  using Place = std::array<std::uint64_t, 2>;
  struct Entry {
    Place first;
    Place last;
    unsigned length;
    std::uint32_t value;
  };
  // From here to the next one on, the value holds.
  struct Start {
    Place from;
    std::uint32_t value;
  };
  struct OfVersion {
    std::vector<Entry> entries;  // until finish()
    std::vector<Start> starts;
  };

  static Place place_of(const IpAddress& address);
  static std::vector<Start> flatten(std::vector<Entry> entries);

  OfVersion v4_, v6_;
  std::size_t added_ = 0;
};

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291, section 2.5.5.2), translated (RFC
/// 6052, of the well-known prefix) or 6to4 (RFC 3056). Version none if it stands for none.
IpAddress embedded_v4(const IpAddress& address);

}  // namespace spiderling
