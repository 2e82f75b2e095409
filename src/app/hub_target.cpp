#include "app/hub_target.h"

#include <cstdint>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "kitchen/hello.h"
#include "websocket/endpoint.h"
#include "websocket/token_file.h"

namespace spiderling::app {

namespace {

constexpr std::uint16_t kitchens_port = 11347;

}  // namespace

void add_hub_target(CLI::App& cli, HubTarget& target, std::string_view what, CLI::Option* instead_of) {
  auto* group = cli.add_option_group("Hub");
  group
      ->add_option("--hub", target.hub,
                   fmt::format("Send {}, to a hub: HOST:PORT, or wss://HOST:PORT with TLS", what))
      ->type_name("HOST:PORT")
      ->excludes(instead_of);
  group->add_option("--kitchen-name", target.kitchen_name, "Name of this kitchen, in every dumpling")
      ->capture_default_str()
      ->type_name("NAME");
  group->add_option("--token-file", target.token_file, "A file with the hub's token")->type_name("FILE");
  group->add_option("--ca-file", target.ca_file, "Certificates to trust for wss:// (the system's)")
      ->type_name("PEM");
}

Result<HubDeliveryOptions> delivery_to(const HubTarget& target, std::string_view chef,
                                       const std::string& interface, const std::string& filter) {
  HubDeliveryOptions options;
  const auto endpoint = parse_endpoint(target.hub, kitchens_port);
  if (!endpoint) return tl::unexpected(endpoint.error());
  options.client.endpoint = *endpoint;
  options.client.tls.ca_file = target.ca_file;
  if (!target.token_file.empty()) {
    const auto token = read_token_file(target.token_file);
    if (!token) return tl::unexpected(token.error());
    options.client.token = *token;
  }
  const KitchenHello hello{target.kitchen_name, interface, filter, {fmt::format("spiderling.{}", chef)}, 0};
  options.client.hello = hello.json();
  return options;
}

}  // namespace spiderling::app
