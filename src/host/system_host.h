// The real Host: /proc/sys, the nft program, rtnetlink.
#pragma once

#include <memory>
#include <optional>

#include "host/host.h"
#include "host/netlink.h"

namespace spiderling {

/// The network namespace in which the first call is made; use it from a thread that stays there. Needs
/// CAP_NET_ADMIN for changes, and the program `nft` for what is about nft. Not thread-safe.
class SystemHost final : public Host {
 public:
  Sysctls& sysctls() override { return sysctls_; }

  Result<std::string> nft_ruleset() override;
  Result<std::optional<std::string>> nft_table(const std::string& name) override;
  Result<void> add_nft_table(const std::string& name, const std::string& body) override;
  Result<void> remove_nft_table(const std::string& name) override;

  bool has_family(Family family) override;
  Result<std::vector<PolicyRule>> rules(Family family) override;
  Result<void> add_rule(const PolicyRule& rule) override;
  Result<void> remove_rule(const PolicyRule& rule) override;

  Result<std::vector<Route>> routes(Family family, std::uint32_t table) override;
  Result<bool> table_is_used(std::uint32_t table) override;
  Result<bool> add_ecn_copy(const Route& route, std::uint32_t table) override;
  Result<void> add_device_route(Family family, const std::string& device, std::uint32_t table) override;
  Result<void> remove_route(const Route& route) override;
  Result<bool> route_has_ecn(const std::string& address, std::uint32_t mark) override;

 private:
  Result<Netlink*> netlink();

  ProcSysctls sysctls_;
  std::optional<Netlink> netlink_;
};

}  // namespace spiderling
