#include "lab/rules.h"

#include <vector>

#include "lab/servers.h"

namespace spiderling::lab {
namespace {

enum class Way : std::uint8_t { to_target, from_target };

constexpr std::string_view ecn_syn = "tcp flags & (syn | ack | ecn | cwr) == syn | ecn | cwr";
constexpr std::string_view ecn_syn_ack = "tcp flags & (syn | ack | ecn | cwr) == syn | ack | ecn";

std::string for_both_families(std::string_view rule) { return fmt::format("ip {0}\nip6 {0}\n", rule); }
// The family is named twice: in the condition and in what is then done.
std::string if_then(std::string_view condition, std::string_view action) {
  return fmt::format("ip {0} ip {1}\nip6 {0} ip6 {1}\n", condition, action);
}

std::string move_port(Way way, std::uint16_t usual, std::uint16_t without_h2) {
  if (way == Way::to_target) return fmt::format("tcp dport {} tcp dport set {}\n", usual, without_h2);
  return fmt::format("tcp sport {} tcp sport set {}\n", without_h2, usual);
}

// nft takes no comparison that always holds.
std::string drop_share(double percent) {
  constexpr int all = 100'000;
  const int share = static_cast<int>(percent * all / 100);
  return share >= all ? "drop\n" : fmt::format("numgen random mod {} < {} drop\n", all, share);
}

// Rules of one box in one direction; empty if there are none.
std::string rules_of(const Host& host, Way way) {
  const Parameters& p = host.parameters;
  const bool forth = way == Way::to_target;
  switch (host.box->kind) {
    case BoxKind::ecn_syn_dropped: return forth ? fmt::format("{} drop\n", ecn_syn) : "";
    case BoxKind::ecn_bleached: return for_both_families("ecn set not-ect");
    // The server answers ECE if the SYN asked for ECN, and only then.
    case BoxKind::ecn_reflected:
      return forth ? "" : fmt::format("{} tcp flags set syn | ack | ecn | cwr\n", ecn_syn_ack);
    case BoxKind::ecn_refused: return forth ? fmt::format("{} tcp flags set syn\n", ecn_syn) : "";
    case BoxKind::ce_marked: return forth ? "" : if_then("ecn { ect0, ect1 }", "ecn set ce");
    case BoxKind::mss_stripped: return "reset tcp option maxseg\n";
    case BoxKind::window_scale_stripped: return "reset tcp option window\n";
    case BoxKind::sack_stripped: return "reset tcp option sack-perm\n";
    case BoxKind::timestamps_stripped: return "reset tcp option timestamp\n";
    case BoxKind::tfo_stripped: return "reset tcp option fastopen\nreset tcp option 254\n";
    case BoxKind::dscp_bleached: return for_both_families("dscp set 0");
    case BoxKind::dscp_rewritten: return if_then("dscp != 0", fmt::format("dscp set {}", *p.dscp));
    case BoxKind::dscp_dropped:
      if (!forth) return "";
      return for_both_families(p.dscp ? fmt::format("dscp {} drop", *p.dscp) : "dscp != 0 drop");
    case BoxKind::evil_dropped: return forth ? "ip frag-off & 0x8000 != 0 drop\n" : "";
    case BoxKind::evil_cleared: return "ip frag-off & 0x8000 != 0 ip frag-off set ip frag-off & 0x7fff\n";
    case BoxKind::udp_zero_dropped: return "udp checksum 0 drop\n";
    case BoxKind::h2_refused:
      return move_port(way, port::https, port::https_without_h2) +
             move_port(way, port::h2c, port::h2c_without_h2) +
             move_port(way, port::h2c_by_upgrade, port::h2c_by_upgrade_without_h2);
    case BoxKind::silent: return forth ? "drop\n" : "";
    case BoxKind::rst:
      return forth ? "meta l4proto tcp reject with tcp reset\nreject with icmpx port-unreachable\n" : "";
    case BoxKind::unreachable: return forth ? "reject with icmpx host-unreachable\n" : "";
    case BoxKind::lossy: return drop_share(p.loss_percent);
    case BoxKind::clean:
    case BoxKind::mss_lowered:
    case BoxKind::mss_raised:
    case BoxKind::syn_data_dropped:
    case BoxKind::slow:
    case BoxKind::duplicating:
    case BoxKind::reordering: return "";
  }
  return "";
}

class RuleSet {
 public:
  RuleSet(const Scenario& scenario, const AddressPlan& plan) : loss_(loss_of(scenario)) {
    for (std::size_t host = 0; host < scenario.hosts.size(); ++host)
      for (const Way way : {Way::to_target, Way::from_target}) add(scenario, plan, host, way);
  }

  std::string text() const {
    if (chains_.empty() && loss_.empty()) return {};
    return fmt::format(
        "table inet lab {{\n{}chain forward {{\ntype filter hook forward priority filter; policy accept;\n"
        "{}{}{}{}{}}}\n}}\n",
        chains_, loss_, dispatch(link::router_to_prober, "ip daddr", to4_),
        dispatch(link::router_to_prober, "ip6 daddr", to6_),
        dispatch(link::router_to_servers, "ip saddr", from4_),
        dispatch(link::router_to_servers, "ip6 saddr", from6_));
  }

 private:
  void add(const Scenario& scenario, const AddressPlan& plan, std::size_t host, Way way) {
    const std::string rules = rules_of(scenario.hosts[host], way);
    if (rules.empty()) return;
    const std::string chain = fmt::format("{}{}", way == Way::to_target ? "to" : "from", host);
    chains_ += fmt::format("chain {} {{\n{}}}\n", chain, rules);
    const auto enter = [&](IpVersion version, std::string& elements) {
      const Prefix* prefix = plan.prefix(host, version);
      if (prefix == nullptr) return;
      elements += fmt::format("{}{} : goto {}", elements.empty() ? "" : ", ", prefix->to_string(), chain);
    };
    enter(IpVersion::v4, way == Way::to_target ? to4_ : from4_);
    enter(IpVersion::v6, way == Way::to_target ? to6_ : from6_);
  }

  // Of all packets, once on their way through the router.
  static std::string loss_of(const Scenario& scenario) {
    if (scenario.loss_percent <= 0) return {};
    return fmt::format("iif {{ \"{}\", \"{}\" }} {}", link::router_to_prober, link::router_to_servers,
                       drop_share(scenario.loss_percent));
  }

  static std::string dispatch(std::string_view interface, std::string_view field, std::string_view elements) {
    if (elements.empty()) return {};
    return fmt::format("iif \"{}\" {} vmap {{ {} }}\n", interface, field, elements);
  }

  const std::string loss_;
  std::string chains_;
  std::string to4_, to6_, from4_, from6_;  // elements of the verdict maps
};

}  // namespace

std::string nft_rules(const Scenario& scenario, const AddressPlan& plan) {
  return RuleSet(scenario, plan).text();
}

}  // namespace spiderling::lab
