#include "host/system_host.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>

#include "host/netlink_attributes.h"
#include "host/program.h"
#include "host/route_message.h"

namespace spiderling {
namespace {

constexpr std::chrono::milliseconds nft_deadline = std::chrono::seconds(20);
constexpr std::size_t longest_ruleset = std::size_t{16} << 20;
constexpr int listing_attempts = 5;  // a list that changed while it was read is asked for again

int number_of(Family family) { return family == Family::v4 ? AF_INET : AF_INET6; }

std::vector<std::byte> list_rules_request(Family family) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETRULE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* header = static_cast<fib_rule_hdr*>(mnl_nlmsg_put_extra_header(request, sizeof(fib_rule_hdr)));
  header->family = static_cast<std::uint8_t>(number_of(family));
  return sized_request(std::move(buffer));
}

std::vector<std::byte> list_routes_request(Family family, std::uint32_t table) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  header->rtm_family = static_cast<std::uint8_t>(number_of(family));
  mnl_attr_put_u32(request, RTA_TABLE, table);
  return sized_request(std::move(buffer));
}

struct Address {
  Family family;
  std::array<std::byte, 16> bytes{};
  std::size_t length() const { return family == Family::v4 ? 4 : 16; }
};

std::optional<Address> address_of(const std::string& text) {
  Address address{Family::v4, {}};
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.family = Family::v6;
  if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::vector<std::byte> find_route_request(const Address& address, std::uint32_t mark) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  header->rtm_family = static_cast<std::uint8_t>(number_of(address.family));
  header->rtm_dst_len = static_cast<std::uint8_t>(address.length() * 8);
  mnl_attr_put(request, RTA_DST, address.length(), address.bytes.data());
  mnl_attr_put_u32(request, RTA_MARK, mark);
  return sized_request(std::move(buffer));
}

// The answer to one question is a route that the kernel made for it: all that counts here is its metrics.
bool answer_has_ecn(const nlmsghdr* message) {
  bool found = false;
  for_each_attribute(message, sizeof(rtmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != RTA_METRICS) return;
    for_each_nested(attribute, [&](const nlattr* metric) {
      if (mnl_attr_get_type(metric) == RTAX_FEATURES && mnl_attr_get_payload_len(metric) >= 4)
        found = (mnl_attr_get_u32(metric) & RTAX_FEATURE_ECN) != 0;
    });
  });
  return found;
}

Result<std::string> run_nft(std::vector<std::string> arguments, std::string input = {}) {
  ProgramRun run;
  run.words = {"nft"};
  for (auto& argument : arguments) run.words.push_back(std::move(argument));
  run.input = std::move(input);
  run.deadline = nft_deadline;
  run.max_output = longest_ruleset;
  return run_to_success(run);
}

}  // namespace

Result<Netlink*> SystemHost::netlink() {
  if (!netlink_) {
    auto opened = Netlink::open();
    if (!opened) return tl::unexpected(opened.error());
    netlink_.emplace(std::move(*opened));
  }
  return &*netlink_;
}

Result<std::string> SystemHost::nft_ruleset() { return run_nft({"--terse", "list", "ruleset"}); }

// Out of all that there is: asked for one table, or for the names of all, nft 1.0 fetches every element of
// every set, of which there may be a hundred thousand.
Result<std::optional<std::string>> SystemHost::nft_table(const std::string& name) {
  const auto ruleset = nft_ruleset();
  if (!ruleset) return tl::unexpected(ruleset.error());
  const std::string text = "\n" + *ruleset;
  const std::size_t begin = text.find(fmt::format("\ntable inet {} {{\n", name));
  if (begin == std::string::npos) return std::optional<std::string>();
  constexpr std::string_view last_line = "\n}\n";
  const std::size_t end = text.find(last_line, begin);
  if (end == std::string::npos) return error("nft printed only part of the table {}", name);
  return std::optional<std::string>(text.substr(begin + 1, end + last_line.size() - begin - 1));
}

Result<void> SystemHost::add_nft_table(const std::string& name, const std::string& body) {
  // `create` refuses a table that is there already; a file of commands is carried out whole or not at all.
  const auto done =
      run_nft({"-f", "-"}, fmt::format("create table inet {0}\ntable inet {0} {{\n{1}}}\n", name, body));
  if (!done) return tl::unexpected(done.error());
  return {};
}

Result<void> SystemHost::remove_nft_table(const std::string& name) {
  // `add` does nothing to a table that is there, so that `delete` always finds one.
  const auto done = run_nft({"-f", "-"}, fmt::format("add table inet {0}\ndelete table inet {0}\n", name));
  if (!done) return tl::unexpected(done.error());
  return {};
}

bool SystemHost::has_family(Family family) {
  const auto link = netlink();
  return link && (*link)->ask(list_rules_request(family)).reason != EAFNOSUPPORT;
}

Result<std::vector<PolicyRule>> SystemHost::rules(Family family) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  std::vector<PolicyRule> found;
  Netlink::Answer answer;
  for (int attempt = 0; attempt < listing_attempts; ++attempt) {
    found.clear();
    answer = (*link)->ask(list_rules_request(family), [&](const nlmsghdr* message) {
      if (auto rule = parse_rule(message); rule && rule->family == family) found.push_back(*rule);
    });
    if (answer.reason != EINTR) break;
  }
  if (answer.reason == EAFNOSUPPORT) return std::vector<PolicyRule>();
  if (!answer) return error("cannot list the {} rules: {}", name_of(family), answer.text());
  return found;
}

Result<void> SystemHost::add_rule(const PolicyRule& rule) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  const auto answer = (*link)->ask(rule_request(rule, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL));
  if (!answer)
    return error("cannot add an {} rule for marked packets: {}", name_of(rule.family), answer.text());
  return {};
}

Result<void> SystemHost::remove_rule(const PolicyRule& rule) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  const auto answer = (*link)->ask(rule_request(rule, RTM_DELRULE, 0));
  if (!answer && answer.reason != ENOENT && answer.reason != EAFNOSUPPORT)
    return error("cannot remove the {} rule for mark {:#x}: {}", name_of(rule.family), rule.mark,
                 answer.text());
  return {};
}

Result<std::vector<Route>> SystemHost::routes(Family family, std::uint32_t table) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  std::vector<Route> found;
  std::size_t count = 0;
  Netlink::Answer answer;
  for (int attempt = 0; attempt < listing_attempts; ++attempt) {
    found.clear();
    count = 0;
    answer = (*link)->ask(list_routes_request(family, table), [&](const nlmsghdr* message) {
      auto route = parse_route(message);
      if (!route || route->family != family || route->table != table) return;
      if (++count <= most_routes) found.push_back(std::move(*route));
    });
    if (answer.reason != EINTR) break;
  }
  // A table that never had a route is none yet.
  if (answer.reason == ENOENT || answer.reason == EAFNOSUPPORT) return std::vector<Route>();
  if (!answer) return error("cannot list the {} routes: {}", name_of(family), answer.text());
  if (count > most_routes)
    return error("routing table {} has {} {} routes, more than the {} that are copied for marked sockets",
                 table, count, name_of(family), most_routes);
  return found;
}

Result<bool> SystemHost::table_is_used(std::uint32_t table) {
  for (const Family family : {Family::v4, Family::v6}) {
    const auto found = routes(family, table);
    if (!found) return tl::unexpected(found.error());
    if (!found->empty()) return true;
  }
  return false;
}

Result<bool> SystemHost::add_ecn_copy(const Route& route, std::uint32_t table) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  const auto answer = (*link)->ask(ecn_copy_request(route, table));
  if (answer) return true;
  if (answer.reason == EHOSTUNREACH || answer.reason == ENETUNREACH) return false;
  return error("cannot copy the {} route to {} ({}): {}", name_of(route.family), route.destination, route.via,
               answer.text());
}

Result<void> SystemHost::add_device_route(Family family, const std::string& device, std::uint32_t table) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  const auto answer = (*link)->ask(device_route_request(family, ::if_nametoindex(device.c_str()), table));
  if (!answer) return error("cannot lead {} packets into {}: {}", name_of(family), device, answer.text());
  return {};
}

Result<void> SystemHost::remove_route(const Route& route) {
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  const auto answer = (*link)->ask(removal_request(route));
  if (!answer && answer.reason != ESRCH && answer.reason != ENOENT)
    return error("cannot remove the {} route to {} from table {}: {}", name_of(route.family),
                 route.destination, route.table, answer.text());
  return {};
}

Result<bool> SystemHost::route_has_ecn(const std::string& address, std::uint32_t mark) {
  const auto parsed = address_of(address);
  if (!parsed) return error("'{}' is not an address", address);
  const auto link = netlink();
  if (!link) return tl::unexpected(link.error());
  bool ecn = false;
  const auto answer = (*link)->ask(find_route_request(*parsed, mark),
                                   [&](const nlmsghdr* message) { ecn = answer_has_ecn(message); });
  if (!answer) return error("there is no route to {}: {}", address, answer.text());
  return ecn;
}

}  // namespace spiderling
