#include "capture/filter.h"

#include <pcap/pcap.h>

namespace spiderling {
namespace {

static_assert(sizeof(FilterInstruction) == sizeof(bpf_insn));
static_assert(offsetof(FilterInstruction, k) == offsetof(bpf_insn, k));

int dlt_of(LinkType link_type, bool big_endian) {
  switch (link_type) {
    // libpcap takes this machine's byte order for granted; in the other one it is what OpenBSD writes.
    case LinkType::null: return big_endian ? DLT_LOOP : DLT_NULL;
    case LinkType::raw_bsd:
    case LinkType::raw_openbsd:
    case LinkType::raw_ip: return DLT_RAW;
    case LinkType::loop: return DLT_LOOP;
    case LinkType::ethernet:
    case LinkType::ppp:
    case LinkType::ppp_hdlc:
    case LinkType::linux_cooked:
    case LinkType::ipv4:
    case LinkType::ipv6:
    case LinkType::linux_cooked_v2: break;
  }
  return static_cast<int>(link_type);
}

/// A program that matches nothing.
FilterProgram nothing() { return FilterProgram({FilterInstruction{BPF_RET | BPF_K, 0, 0, 0}}); }

}  // namespace

bool FilterProgram::matches(const std::uint8_t* data, std::uint32_t captured,
                            std::uint32_t wire_length) const {
  return bpf_filter(reinterpret_cast<const bpf_insn*>(instructions_.data()), data, wire_length, captured) !=
         0;
}

Result<FilterProgram> compile_filter(const std::string& expression, LinkType link_type,
                                     std::uint32_t snap_length, bool big_endian) {
  static std::mutex one_at_a_time;  // libpcap before 1.8 was not thread-safe here, and looks names up
  const std::lock_guard lock(one_at_a_time);
  pcap_t* handle = pcap_open_dead(dlt_of(link_type, big_endian), static_cast<int>(snap_length));
  if (handle == nullptr) return error("no memory for the filter '{}'", expression);
  bpf_program program = {};
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    const std::string reason = pcap_geterr(handle);
    pcap_close(handle);
    return error("filter '{}': {}; see pcap-filter(7)", expression, reason);
  }
  std::vector<FilterInstruction> instructions;
  for (const bpf_insn& each : std::span(program.bf_insns, program.bf_len))
    instructions.push_back({each.code, each.jt, each.jf, each.k});
  pcap_freecode(&program);
  pcap_close(handle);
  return FilterProgram(std::move(instructions));
}

const FilterProgram* FilterBank::program(LinkType link_type, bool big_endian) {
  if (expression_.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto key = std::pair(link_type, big_endian);
  if (const auto known = programs_.find(key); known != programs_.end()) return &known->second;
  auto compiled = compile_filter(expression_, link_type, 262144, big_endian);
  if (!compiled) {
    warn_(fmt::format("{}; packets of link type {} are left out", compiled.error().message,
                      static_cast<unsigned>(link_type)));
    compiled = nothing();
  }
  return &programs_.emplace(key, std::move(*compiled)).first->second;
}

}  // namespace spiderling
