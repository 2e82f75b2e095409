// What is asked of a target that speaks DNS, and which messages answer it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "spiderling/bytes.h"

namespace spiderling {

/// One question as a message of DNS (RFC 1035): for the addresses (type A) of a domain, or, without a domain,
/// for the name servers of the root, which every resolver knows (RFC 8109). Recursion is asked for; there is
/// no EDNS, so that any server understands it. A value of 280 bytes; no heap. Thread-safe when const.
///
///     const auto query = DnsQuery::make(job.domain, id);
///     if (!query) return false;  // the domain is no name of DNS
///     return query->is_answered_by(exchange(query->bytes()));
class DnsQuery {
 public:
  /// 12 bytes of header, the longest name, type and class.
  static constexpr std::size_t max_size = 12 + 255 + 4;

  /// `domain`: as people write it, a dot at the end allowed; empty: the root. Nullopt if it is no name of
  /// DNS: empty labels, one of more than 63 bytes, more than 255 in all (RFC 1035, section 2.3.4).
  static std::optional<DnsQuery> make(std::string_view domain, std::uint16_t id);

  std::uint16_t id() const;
  Bytes bytes() const { return {storage_.data(), size_}; }

  /// Whether a message that came from the peer is an answer to this question (RFC 5452, section 9.1): a
  /// whole, well-formed response with this id and, letter case aside, this question. Any response code is an
  /// answer, and so is a truncated one. A server that says that it understood nothing (FORMERR, SERVFAIL,
  /// NOTIMP, REFUSED) may leave out the question, if it says no more than that.
  bool is_answered_by(Bytes message) const;

 private:
  std::array<std::uint8_t, max_size> storage_;
  std::size_t size_ = 0;
};

}  // namespace spiderling
