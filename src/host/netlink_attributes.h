// Walking over the attributes of a netlink message: libmnl's own loops are macros that only C compiles.
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>
#include <vector>

namespace spiderling {

/// Everything in a message begins at a multiple of 4.
constexpr std::size_t netlink_aligned(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

/// A request that was written into a larger buffer, as long as it says itself.
inline std::vector<std::byte> sized_request(std::vector<std::byte> buffer) {
  buffer.resize(reinterpret_cast<const nlmsghdr*>(buffer.data())->nlmsg_len);
  return buffer;
}

/// Calls `each` with every whole attribute of these bytes; what follows one that is cut off is not looked at.
template <class Each>
void for_each_attribute(const void* begin, std::size_t length, const Each& each) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  auto left = static_cast<int>(length);
  while (mnl_attr_ok(attribute, left)) {
    each(attribute);
    left -= static_cast<int>(netlink_aligned(attribute->nla_len));
    attribute = mnl_attr_next(attribute);
  }
}

/// Those of a message, after its header and `header` bytes more.
template <class Each>
void for_each_attribute(const nlmsghdr* message, std::size_t header, const Each& each) {
  const std::size_t length = mnl_nlmsg_get_payload_len(message);
  if (length < netlink_aligned(header)) return;
  for_each_attribute(mnl_nlmsg_get_payload_offset(message, header), length - netlink_aligned(header), each);
}

/// Those within another.
template <class Each>
void for_each_nested(const nlattr* outer, const Each& each) {
  for_each_attribute(mnl_attr_get_payload(outer), mnl_attr_get_payload_len(outer), each);
}

}  // namespace spiderling
