// The filter that a live source attaches in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/filter.h"

namespace spiderling {

/// What a socket gives: from the link header on, from the network header on, or (all interfaces) the one or
/// the other.
enum class LinkKind : std::uint8_t { ethernet, raw_ip, mixed };

/// A filter for live packets. It means the same as on a trace: the kernel shows it a packet without its VLAN
/// tag, so a tagged packet is let through and matched again, tag in place, with ethernet().
class LiveFilter {
 public:
  /// An empty expression matches everything. The error names what libpcap said.
  static Result<LiveFilter> compile(const std::string& expression, LinkKind kind, std::uint32_t snap_length);

  /// For SO_ATTACH_FILTER.
  const std::vector<FilterInstruction>& kernel_program() const { return kernel_; }
  /// Lets every packet through.
  static std::vector<FilterInstruction> accept(std::uint32_t snap_length);

  bool empty() const { return !ethernet_ && !raw_ip_; }
  bool matches(const std::uint8_t* data, std::uint32_t captured, std::uint32_t wire_length,
               LinkType link_type) const {
    const auto& program = link_type == LinkType::ethernet ? ethernet_ : raw_ip_;
    return !program || program->matches(data, captured, wire_length);
  }

 private:
  std::vector<FilterInstruction> kernel_;
  std::optional<FilterProgram> ethernet_;
  std::optional<FilterProgram> raw_ip_;
};

}  // namespace spiderling
