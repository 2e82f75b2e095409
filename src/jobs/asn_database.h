// The autonomous systems that addresses belong to, from a local file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "spiderling/address.h"

namespace spiderling {

/// A MaxMind database (.mmdb) that tells of each network its autonomous system: `autonomous_system_number`,
/// as GeoLite2-ASN has it, or `asn` ("AS64496" or a number), as others have it. Nothing is fetched from
/// anywhere.
///
/// The file is mapped: one that somebody shortens meanwhile ends the program. Thread-safety: find() from any.
class AsnDatabase {
 public:
  /// Error: it cannot be read, or is no such database.
  static Result<std::unique_ptr<AsnDatabase>> open(const std::string& path);
  ~AsnDatabase();
  AsnDatabase(const AsnDatabase&) = delete;
  AsnDatabase& operator=(const AsnDatabase&) = delete;

  /// 0: not known. Whatever is wrong inside the file is not known, too.
  std::uint32_t find(const IpAddress& address) const;

 private:
  struct State;
  explicit AsnDatabase(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace spiderling
