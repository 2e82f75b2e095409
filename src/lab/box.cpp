#include "lab/box.h"

#include <algorithm>
#include <string>

namespace spiderling::lab {
namespace {

Box simple(BoxKind kind, std::string_view name, BoxWork work, std::string_view summary) {
  Box box;
  box.kind = kind;
  box.name = name;
  box.summary = summary;
  box.work = work;
  return box;
}

Box of_ipv4(Box box) {
  box.ipv4_only = true;
  return box;
}

Box with(Box box, std::vector<Parameter> parameters, Parameters defaults) {
  box.parameters = std::move(parameters);
  box.defaults = defaults;
  return box;
}

Parameters delay_of(int milliseconds) {
  Parameters p;
  p.delay = std::chrono::milliseconds(milliseconds);
  return p;
}
Parameters mss_of(std::uint16_t mss) {
  Parameters p;
  p.mss = mss;
  return p;
}
Parameters dscp_of(std::uint8_t dscp) {
  Parameters p;
  p.dscp = dscp;
  return p;
}
Parameters loss_of(double percent) {
  Parameters p;
  p.loss_percent = percent;
  return p;
}
Parameters duplicate_of(double percent) {
  Parameters p;
  p.duplicate_percent = percent;
  return p;
}
Parameters reorder_of(double percent, int milliseconds) {
  Parameters p = delay_of(milliseconds);
  p.reorder_percent = percent;
  return p;
}

std::vector<Box> catalogue() {
  using K = BoxKind;
  using W = BoxWork;
  using P = Parameter;
  return {
      simple(K::clean, "clean", W::nothing, "lets everything through as it is"),
      simple(K::ecn_syn_dropped, "ecn-syn-dropped", W::rules, "drops a SYN with ECE and CWR"),
      simple(K::ecn_bleached, "ecn-bleached", W::rules, "clears the ECN field of IP, both ways"),
      simple(K::ecn_reflected, "ecn-reflected", W::rules,
             "the SYN/ACK carries ECE and CWR if the SYN did, as from a server that mirrors the flags"),
      simple(K::ecn_refused, "ecn-refused", W::rules,
             "clears ECE and CWR of the SYN: the server does not take up ECN"),
      simple(K::ce_marked, "ce-marked", W::rules, "every ECT packet on the way back becomes CE"),
      simple(K::mss_stripped, "mss-stripped", W::rules, "takes the MSS option out, both ways"),
      simple(K::window_scale_stripped, "window-scale-stripped", W::rules,
             "takes the window scale option out, both ways"),
      simple(K::sack_stripped, "sack-stripped", W::rules, "takes the SACK-permitted option out, both ways"),
      simple(K::timestamps_stripped, "timestamps-stripped", W::rules,
             "takes the timestamps option out, both ways"),
      with(simple(K::mss_lowered, "mss-lowered", W::forwarder, "lowers the MSS option, both ways"), {P::mss},
           mss_of(536)),
      with(simple(K::mss_raised, "mss-raised", W::forwarder, "raises the MSS option, both ways"), {P::mss},
           mss_of(8960)),
      simple(K::tfo_stripped, "tfo-stripped", W::rules,
             "takes the Fast Open option (34, and 254) out, both ways"),
      simple(K::syn_data_dropped, "syn-data-dropped", W::forwarder, "drops a SYN that carries data"),
      simple(K::dscp_bleached, "dscp-bleached", W::rules, "sets the DSCP to 0, both ways"),
      with(simple(K::dscp_rewritten, "dscp-rewritten", W::rules,
                  "a DSCP other than 0 becomes another, both ways"),
           {P::dscp}, dscp_of(8)),
      with(simple(K::dscp_dropped, "dscp-dropped", W::rules,
                  "drops what is sent with a DSCP: any but 0, or the one given"),
           {P::dscp}, {}),
      of_ipv4(simple(K::evil_dropped, "evil-dropped", W::rules, "drops packets with IPv4's reserved bit")),
      of_ipv4(simple(K::evil_cleared, "evil-cleared", W::rules, "clears IPv4's reserved bit, both ways")),
      simple(K::udp_zero_dropped, "udp-zero-dropped", W::rules, "drops UDP without a checksum"),
      simple(K::h2_refused, "h2-refused", W::rules, "the server behind it speaks no HTTP/2"),
      simple(K::silent, "silent", W::rules, "drops everything"),
      simple(K::rst, "rst", W::rules, "answers a SYN with RST, anything else with ICMP port unreachable"),
      simple(K::unreachable, "unreachable", W::rules, "answers with ICMP (or ICMPv6) host unreachable"),
      with(simple(K::slow, "slow", W::forwarder, "holds what is sent to the target for a while"), {P::delay},
           delay_of(300)),
      with(simple(K::lossy, "lossy", W::rules, "drops some packets at random, both ways"), {P::loss},
           loss_of(1)),
      with(simple(K::duplicating, "duplicating", W::forwarder, "sends some packets twice, both ways"),
           {P::duplicate}, duplicate_of(10)),
      with(simple(K::reordering, "reordering", W::forwarder,
                  "holds some packets for a while, so that others overtake them, both ways"),
           {P::reorder, P::delay}, reorder_of(10, 5)),
  };
}

const std::vector<Box>& all() {
  static const std::vector<Box> list = catalogue();
  return list;
}

}  // namespace

std::span<const Box> boxes() { return all(); }

const Box* find_box(std::string_view name) {
  const auto found = std::ranges::find(all(), name, &Box::name);
  return found == all().end() ? nullptr : &*found;
}

std::string_view key_of(Parameter parameter) {
  switch (parameter) {
    case Parameter::delay: return "delay_ms";
    case Parameter::loss: return "loss_percent";
    case Parameter::mss: return "mss";
    case Parameter::dscp: return "dscp";
    case Parameter::duplicate: return "duplicate_percent";
    case Parameter::reorder: return "reorder_percent";
  }
  return {};
}

}  // namespace spiderling::lab
