// A file that names targets: what must not be asked, or what alone may be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_set.hpp>

#include "base/error.h"
#include "jobs/prefix_map.h"
#include "spiderling/job.h"

namespace spiderling {

/// Addresses, prefixes and names of domains, one a line; # begins a comment. A name covers the names below
/// it: example.org covers www.example.org (and may be written *.example.org). Case does not matter. A name
/// beyond ASCII is compared as it is written: list its form with xn-- (RFC 5890) as well.
///
/// Thread-safety: once it is made, from any thread.
class TargetList {
 public:
  static constexpr std::size_t most_entries = 1'000'000;

  /// Reads a file to its end. Error: it cannot be read, or a line of it is none of these; which one and why.
  /// A list that is only read in part would let through what it was to hold back.
  static Result<TargetList> read(const std::string& path);

  /// As read(), besides what is in it already; finish() comes after the last one.
  Result<void> add_file(const std::string& path);
  /// One line. Error: the rest of a sentence.
  Result<void> add_line(std::string_view line);
  /// After the last line.
  void finish() { prefixes_.finish(); }

  /// Whether it names the job's address, an IPv4 address that this one stands for, its domain, or a domain
  /// above that.
  bool covers(const Job& job) const;
  std::size_t size() const { return prefixes_.size() + names_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return boost::hash<std::string_view>()(text); }
  };
  bool covers_name(std::string_view domain) const;

  PrefixMap prefixes_;
  boost::unordered_flat_set<std::string, Hash, std::equal_to<>> names_;
};

/// As names are compared: ASCII letters small, no dot at the end.
std::string comparable_name(std::string_view name);

}  // namespace spiderling
