// libpcap filter expressions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "spiderling/packet.h"

namespace spiderling {

/// One instruction of a classic BPF program; laid out as libpcap and the kernel have it.
struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;
  std::uint8_t if_false = 0;
  std::uint32_t k = 0;
};

/// A compiled filter. Immutable: any thread.
class FilterProgram {
 public:
  explicit FilterProgram(std::vector<FilterInstruction> instructions)
      : instructions_(std::move(instructions)) {}

  /// Reads nothing outside data[0, captured).
  bool matches(const std::uint8_t* data, std::uint32_t captured, std::uint32_t wire_length) const;
  const std::vector<FilterInstruction>& instructions() const { return instructions_; }

 private:
  std::vector<FilterInstruction> instructions_;
};

/// Compiles `expression` for packets of one link type; those that match are cut to `snap_length` where the
/// kernel runs it. The error is libpcap's own words. Thread-safe. `big_endian`: of a BSD loopback trace, the
/// byte order of its address family.
Result<FilterProgram> compile_filter(const std::string& expression, LinkType link_type,
                                     std::uint32_t snap_length, bool big_endian = false);

/// The programs of one expression, one a link type, compiled when a trace first needs them. Thread-safe.
class FilterBank {
 public:
  /// `warn` hears of an expression that does not fit a link type; packets of that type do not match.
  FilterBank(std::string expression, std::function<void(std::string)> warn)
      : expression_(std::move(expression)), warn_(std::move(warn)) {}

  /// nullptr: everything matches.
  const FilterProgram* program(LinkType link_type, bool big_endian);

 private:
  const std::string expression_;
  const std::function<void(std::string)> warn_;
  std::mutex mutex_;
  std::map<std::pair<LinkType, bool>, FilterProgram> programs_;
};

}  // namespace spiderling
