#include "capture/live_filter.h"

#include <linux/filter.h>
#include <net/if_arp.h>

#include "capture/ancillary.h"

namespace spiderling {
namespace {

using Program = std::vector<FilterInstruction>;

void append(Program& program, const Program& more) {
  program.insert(program.end(), more.begin(), more.end());
}

/// Reads from the network header on, wherever the packet starts.
Program from_network_header(Program program) {
  for (FilterInstruction& each : program) {
    const unsigned kind = BPF_CLASS(each.code);
    const unsigned mode = BPF_MODE(each.code);
    const bool loads_packet =
        (kind == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) || (kind == BPF_LDX && mode == BPF_MSH);
    if (loads_packet) each.k += static_cast<std::uint32_t>(SKF_NET_OFF);
  }
  return program;
}

/// `program` for packets without a tag, tagged ones are accepted.
Program or_tagged(const Program& program, std::uint32_t snap_length) {
  Program all = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, ancillary(SKF_AD_VLAN_TAG_PRESENT)},
                 {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0},
                 {BPF_RET | BPF_K, 0, 0, snap_length}};
  append(all, program);
  return all;
}

/// `ethernet` for packets of Ethernet and loopback interfaces, `other` for the rest.
Program by_hardware(const Program& ethernet, const Program& other) {
  Program all = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, ancillary(SKF_AD_HATYPE)},
                 {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, ARPHRD_ETHER},
                 {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARPHRD_LOOPBACK},
                 {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(ethernet.size())}};
  append(all, ethernet);
  append(all, other);
  return all;
}

}  // namespace

Program LiveFilter::accept(std::uint32_t snap_length) { return {{BPF_RET | BPF_K, 0, 0, snap_length}}; }

Result<LiveFilter> LiveFilter::compile(const std::string& expression, LinkKind kind,
                                       std::uint32_t snap_length) {
  LiveFilter filter;
  filter.kernel_ = accept(snap_length);
  if (expression.empty()) return filter;
  if (kind != LinkKind::raw_ip) {
    auto program = compile_filter(expression, LinkType::ethernet, snap_length);
    if (!program) return tl::unexpected(program.error());
    filter.ethernet_ = std::move(*program);
    filter.kernel_ = or_tagged(filter.ethernet_->instructions(), snap_length);
  }
  if (kind != LinkKind::ethernet) {
    auto program = compile_filter(expression, LinkType::raw_ip, snap_length);
    // On all interfaces, one about link headers matches where there are some.
    if (!program && kind == LinkKind::mixed)
      program = FilterProgram({FilterInstruction{BPF_RET | BPF_K, 0, 0, 0}});
    if (!program) return tl::unexpected(program.error());
    filter.raw_ip_ = std::move(*program);
    filter.kernel_ = kind == LinkKind::raw_ip
                         ? filter.raw_ip_->instructions()
                         : by_hardware(filter.kernel_, from_network_header(filter.raw_ip_->instructions()));
  }
  return filter;
}

}  // namespace spiderling
