#include "host/tcp_metrics.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/tcp_metrics.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "host/netlink_attributes.h"

namespace spiderling {
namespace {

nlmsghdr* begin_request(std::vector<std::byte>& buffer, std::uint16_t family, std::uint8_t command,
                        std::uint8_t version) {
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = family;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* header = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(request, sizeof(genlmsghdr)));
  header->cmd = command;
  header->version = version;
  return request;
}

void put_address(nlmsghdr* request, const IpAddress& address, std::uint16_t for_v4, std::uint16_t for_v6) {
  const bool v4 = address.version == IpVersion::v4;
  mnl_attr_put(request, v4 ? for_v4 : for_v6, v4 ? 4 : 16, address.bytes.data());
}

}  // namespace

Result<TcpMetrics> TcpMetrics::open() {
  auto netlink = Netlink::open_generic();
  if (!netlink) return tl::unexpected(netlink.error());
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = begin_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
  mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, TCP_METRICS_GENL_NAME);
  std::uint16_t family = 0;
  const auto answer = netlink->ask(std::move(buffer), [&](const nlmsghdr* message) {
    for_each_attribute(message, sizeof(genlmsghdr), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID && mnl_attr_get_payload_len(attribute) >= 2)
        family = mnl_attr_get_u16(attribute);
    });
  });
  if (!answer || family == 0)
    return error("this kernel does not let cookies of TCP Fast Open be forgotten: {}", answer.text());
  return TcpMetrics(std::move(*netlink), family);
}

Result<void> TcpMetrics::forget(const IpAddress& target, const IpAddress& source) {
  std::vector<std::byte> buffer(256);
  nlmsghdr* request = begin_request(buffer, family_, TCP_METRICS_CMD_DEL, TCP_METRICS_GENL_VERSION);
  put_address(request, target, TCP_METRICS_ATTR_ADDR_IPV4, TCP_METRICS_ATTR_ADDR_IPV6);
  put_address(request, source, TCP_METRICS_ATTR_SADDR_IPV4, TCP_METRICS_ATTR_SADDR_IPV6);
  const auto answer = netlink_.ask(std::move(buffer));
  if (answer || answer.reason == ESRCH) return {};
  if (answer.reason == EPERM)
    return error("cannot forget a cookie of TCP Fast Open: CAP_NET_ADMIN is missing");
  return error("cannot forget a cookie of TCP Fast Open: {}", answer.text());
}

}  // namespace spiderling
