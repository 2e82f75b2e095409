#include "lab/topology.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "host/program.h"
#include "lab/rules.h"

namespace spiderling::lab {
namespace {

// The lab's own links, addresses and hardware addresses: the same in every lab. Neighbours are told, not
// asked for, so that everything is up at once and nothing is on the links but what is sent through them (and
// a few reports of multicast listeners, MLD).
constexpr std::string_view prober_mac = "02:00:00:00:00:02";
constexpr std::string_view router_prober_mac = "02:00:00:00:00:01";
constexpr std::string_view router_servers_mac = "02:00:00:00:01:01";
constexpr std::string_view servers_mac = "02:00:00:00:01:02";
constexpr std::string_view prober4 = "100.64.0.2", router_prober4 = "100.64.0.1";
constexpr std::string_view router_servers4 = "100.64.1.1", servers4 = "100.64.1.2";
constexpr std::string_view prober6 = "fd53:7069:6465::2", router_prober6 = "fd53:7069:6465::1";
constexpr std::string_view router_servers6 = "fd53:7069:6465:ffff::1", servers6 = "fd53:7069:6465:ffff::2";

constexpr int table_to_forwarder = 100;  // of routes; a route there leads into the TUN device

struct Setting {
  const char* name;  // below /proc/sys/net
  const char* value;
  bool optional = false;  // not in every kernel since 5.10
};

// Before the interfaces are made: they take their defaults from here.
constexpr Setting everywhere[] = {
    {"ipv4/conf/all/rp_filter", "0"},         {"ipv4/conf/default/rp_filter", "0"},
    {"ipv6/conf/all/accept_dad", "0"},        {"ipv6/conf/default/accept_dad", "0"},
    {"ipv6/conf/default/accept_ra", "0"},     {"ipv6/conf/default/router_solicitations", "0"},
    {"ipv6/conf/default/addr_gen_mode", "1"},  // no link-local address
    {"ipv6/conf/all/disable_ipv6", "0"},      {"ipv6/conf/default/disable_ipv6", "0"},
};

constexpr Setting of_router[] = {
    {"ipv4/ip_forward", "1"},
    {"ipv6/conf/all/forwarding", "1"},
    {"ipv4/conf/all/send_redirects", "0"},
    {"ipv4/conf/default/send_redirects", "0"},
    // Every refused target gets its ICMP error, however many there are.
    {"ipv4/icmp_ratelimit", "0"},
    {"ipv4/icmp_ratemask", "0"},
    {"ipv6/icmp/ratelimit", "0"},
    {"ipv6/icmp/ratemask", "255"},  // of types that are limited over all targets: one that is not used
};

constexpr Setting of_servers[] = {
    {"core/somaxconn", "65535"},
    {"ipv4/tcp_max_syn_backlog", "65535"},
    {"ipv4/tcp_syncookies", "0"},      // a cookie forgets options and ECN
    {"ipv4/tcp_synack_retries", "1"},  // forged SYNs leave connections half open: they are soon forgotten
    {"ipv4/tcp_ecn", "1"},
    {"ipv4/tcp_fastopen", "1027"},        // 1 and 2: both sides; 0x400: every listener, asked for or not
    {"ipv4/tcp_reflect_tos", "1", true},  // a DSCP comes back, so that it can be seen what the way made of it
    {"ipv4/tcp_fin_timeout", "5"},
    {"ipv4/tcp_max_tw_buckets", "65536"},
    {"ipv4/tcp_no_metrics_save", "1"},
    {"ipv4/tcp_max_orphans", "262144", true},
    {"ipv4/icmp_ratelimit", "0"},
    {"ipv4/icmp_ratemask", "0"},
    {"ipv6/icmp/ratelimit", "0"},
    {"ipv6/icmp/ratemask", "255"},
    {"ipv6/ip_nonlocal_bind", "1"},  // a UDP answer comes from the address that was asked
};

Result<void> set(std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    const std::string path = fmt::format("/proc/sys/net/{}", setting.name);
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const auto size = static_cast<ssize_t>(std::strlen(setting.value));
    if (file && ::write(file.get(), setting.value, std::strlen(setting.value)) == size) continue;
    if (!setting.optional)
      return error("this kernel refuses {} = {}: {}", path, setting.value, std::strerror(errno));
  }
  return {};
}

Result<void> configure(const NetworkNamespace& where, std::span<const Setting> settings) {
  const auto inside = InNamespace::enter(where);
  if (!inside) return tl::unexpected(inside.error());
  if (auto done = set(everywhere); !done) return done;
  return set(settings);
}

Result<void> ip_batch(const NetworkNamespace& where, std::string commands, const char* family = nullptr) {
  ProgramRun run;
  run.words = {"ip", "-batch", "-"};
  if (family != nullptr) run.words.insert(run.words.begin() + 1, family);
  run.input = std::move(commands);
  run.network = &where;
  if (const auto done = run_to_success(run); !done)
    return error("cannot build the lab: {}", done.error().message);
  return {};
}

// Both ends of a link, made from the router's side.
std::string make_link(std::string_view here, std::string_view here_mac, std::string_view there,
                      std::string_view there_mac, const NetworkNamespace& other_end) {
  return fmt::format("link add {} address {} type veth peer name {} address {} netns /proc/{}/fd/{}\n", here,
                     here_mac, there, there_mac, ::getpid(), other_end.descriptor());
}

struct End {
  std::string_view interface;
  std::string_view own4, own6;
  std::string_view peer4, peer6, peer_mac;
};
constexpr End prober_end = {link::prober,   prober4,        prober6,
                            router_prober4, router_prober6, router_prober_mac};
constexpr End router_prober_end = {
    link::router_to_prober, router_prober4, router_prober6, prober4, prober6, prober_mac};
constexpr End router_servers_end = {
    link::router_to_servers, router_servers4, router_servers6, servers4, servers6, servers_mac};
constexpr End servers_end = {link::servers,   servers4,        servers6,
                             router_servers4, router_servers6, router_servers_mac};

std::string bring_up(const End& end) {
  return fmt::format(
      "link set {0} up\naddr add {1}/24 dev {0}\naddr add {2}/64 dev {0} nodad\n"
      "neigh add {3} lladdr {5} dev {0} nud permanent\nneigh add {4} lladdr {5} dev {0} nud permanent\n",
      end.interface, end.own4, end.own6, end.peer4, end.peer6, end.peer_mac);
}

std::string default_routes(const End& end) {
  return fmt::format("route add default via {1} dev {0}\nroute add ::/0 via {2} dev {0}\n", end.interface,
                     end.peer4, end.peer6);
}

template <class Use>
void for_each_prefix(const Scenario& scenario, const AddressPlan& plan, Use use) {
  for (std::size_t host = 0; host < scenario.hosts.size(); ++host)
    for (const IpVersion version : {IpVersion::v4, IpVersion::v6})
      if (const Prefix* prefix = plan.prefix(host, version)) use(scenario.hosts[host], *prefix);
}

std::string router_commands(const Scenario& scenario, const AddressPlan& plan, const NetworkNamespace& prober,
                            const NetworkNamespace& servers) {
  std::string text = make_link(link::router_to_prober, router_prober_mac, link::prober, prober_mac, prober);
  text += make_link(link::router_to_servers, router_servers_mac, link::servers, servers_mac, servers);
  text += bring_up(router_prober_end) + bring_up(router_servers_end);
  for_each_prefix(scenario, plan, [&](const Host&, const Prefix& prefix) {
    const bool v6 = prefix.base.version == IpVersion::v6;
    text += fmt::format("route add {} via {} dev {}\n", prefix.to_string(), v6 ? servers6 : servers4,
                        link::router_to_servers);
  });
  return text;
}

// What comes off a link to or from a forwarder's box goes into the TUN device; what comes out of that is
// routed like anything else.
std::string forwarder_device() {
  return fmt::format(
      "tuntap add dev {0} mode tun\nlink set {0} up\nroute add default dev {0} table {1}\n"
      "route add ::/0 dev {0} table {1}\n",
      link::tun, table_to_forwarder);
}

std::string forwarder_routing(const Scenario& scenario, const AddressPlan& plan, IpVersion version) {
  std::string text;
  for_each_prefix(scenario, plan, [&](const Host& host, const Prefix& prefix) {
    if (host.box->work != BoxWork::forwarder || prefix.base.version != version) return;
    text +=
        fmt::format("rule add iif {0} to {1} table {2}\nrule add iif {3} from {1} table {2}\n",
                    link::router_to_prober, prefix.to_string(), table_to_forwarder, link::router_to_servers);
  });
  return text;
}

Result<void> lead_through_forwarder(const NetworkNamespace& router, const Scenario& scenario,
                                    const AddressPlan& plan) {
  if (!needs_forwarder(scenario)) return {};
  if (auto done = ip_batch(router, forwarder_device()); !done) return done;
  if (auto done = ip_batch(router, forwarder_routing(scenario, plan, IpVersion::v4)); !done) return done;
  // Unlike routes, rules are of IPv4 unless ip is told otherwise.
  return ip_batch(router, forwarder_routing(scenario, plan, IpVersion::v6), "-6");
}

std::string servers_commands(const Scenario& scenario, const AddressPlan& plan) {
  std::string text = bring_up(servers_end) + default_routes(servers_end);
  for_each_prefix(scenario, plan, [&](const Host&, const Prefix& prefix) {
    text += fmt::format("route add local {} dev lo\n", prefix.to_string());
  });
  return text;
}

Result<void> load_rules(const NetworkNamespace& router, const Scenario& scenario, const AddressPlan& plan) {
  ProgramRun run;
  run.words = {"nft", "-f", "-"};
  run.input = nft_rules(scenario, plan);
  run.network = &router;
  if (run.input.empty()) return {};
  if (const auto done = run_to_success(run); !done)
    return error("cannot build the boxes: {}", done.error().message);
  return {};
}

}  // namespace

bool needs_forwarder(const Scenario& scenario) {
  return std::ranges::any_of(scenario.hosts,
                             [](const Host& host) { return host.box->work == BoxWork::forwarder; });
}

Result<Topology> build_topology(const Scenario& scenario, const AddressPlan& plan) {
  auto prober = NetworkNamespace::make();
  if (!prober) return tl::unexpected(prober.error());
  auto router = NetworkNamespace::make();
  if (!router) return tl::unexpected(router.error());
  auto servers = NetworkNamespace::make();
  if (!servers) return tl::unexpected(servers.error());

  const auto steps = {
      configure(*prober, {}),
      configure(*router, of_router),
      configure(*servers, of_servers),
      ip_batch(*router, router_commands(scenario, plan, *prober, *servers)),
      lead_through_forwarder(*router, scenario, plan),
      ip_batch(*prober, bring_up(prober_end) + default_routes(prober_end)),
      ip_batch(*servers, servers_commands(scenario, plan)),
      load_rules(*router, scenario, plan),
  };
  for (const auto& step : steps)
    if (!step) return tl::unexpected(step.error());
  return Topology{std::move(*prober), std::move(*router), std::move(*servers)};
}

}  // namespace spiderling::lab
