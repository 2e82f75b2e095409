#include "lab/plan.h"

#include <algorithm>
#include <bit>

#include "spiderling/bytes.h"

namespace spiderling::lab {
namespace {

constexpr std::uint32_t ipv4_first = 10u << 24;
constexpr std::uint32_t ipv4_end = 11u << 24;
constexpr std::uint32_t smallest_block = 1u << 16;
constexpr std::uint8_t ipv6_first[6] = {0xfd, 0x53, 0x70, 0x69, 0x64, 0x65};  // "Spide" in a ULA of RFC 4193
constexpr unsigned ipv6_length = 64;

void store_be32_at(std::uint8_t* p, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

IpAddress ipv4(std::uint32_t value) {
  std::uint8_t bytes[4];
  store_be32_at(bytes, value);
  return IpAddress::v4(bytes);
}

// The host's number has its low byte first. The kernel keeps cookies of Fast Open by the exclusive or of an
// address's words, and no more than six of one sum: where hosts and targets were numbered in the same byte,
// sums met, and cookies were lost before they were used.
IpAddress ipv6(std::size_t host, std::uint32_t interface) {
  std::uint8_t bytes[16] = {};
  std::ranges::copy(ipv6_first, bytes);
  bytes[6] = static_cast<std::uint8_t>(host + 1);
  bytes[7] = static_cast<std::uint8_t>((host + 1) >> 8);
  store_be32_at(bytes + 12, interface);
  return IpAddress::v6(bytes);
}

std::uint32_t last_32_bits(const IpAddress& address) {
  return load_be32(address.bytes.data() + (address.version == IpVersion::v4 ? 0 : 12));
}

}  // namespace

bool Prefix::contains(const IpAddress& address) const {
  if (address.version != base.version) return false;
  for (unsigned bit = 0; bit < length; bit += 8) {
    const unsigned left = std::min(length - bit, 8u);
    const auto mask = static_cast<std::uint8_t>(0xff00u >> left);
    if (((address.bytes[bit / 8] ^ base.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string Prefix::to_string() const { return fmt::format("{}/{}", base.to_string(), length); }

Result<AddressPlan> AddressPlan::of(const Scenario& scenario) {
  AddressPlan plan;
  std::uint32_t next = ipv4_first + smallest_block;
  for (const Host& host : scenario.hosts) {
    Place place;
    place.count = host.count;
    if (host.ipv4) {
      const std::uint32_t size = std::max(smallest_block, std::bit_ceil(host.count + 2));
      next = (next + size - 1) / size * size;
      if (next > ipv4_end - size)
        return error("no room for so many IPv4 targets: 10.0.0.0/8 is full at host '{}'", host.name);
      place.v4 = Prefix{ipv4(next), 32u - static_cast<unsigned>(std::countr_zero(size))};
      next += size;
    }
    if (host.ipv6) place.v6 = Prefix{ipv6(plan.places_.size(), 0), ipv6_length};
    plan.places_.push_back(place);
  }
  return plan;
}

const Prefix* AddressPlan::prefix(std::size_t host, IpVersion version) const {
  const auto& prefix = version == IpVersion::v4 ? places_[host].v4 : places_[host].v6;
  return prefix ? &*prefix : nullptr;
}

IpAddress AddressPlan::address(const Target& target) const {
  if (target.version == IpVersion::v6) return ipv6(target.host, target.index + 1);
  return ipv4(last_32_bits(places_[target.host].v4->base) + target.index + 1);
}

std::optional<Target> AddressPlan::find(const IpAddress& address) const {
  for (std::size_t host = 0; host < places_.size(); ++host) {
    const Prefix* of_host = prefix(host, address.version);
    if (of_host == nullptr || !of_host->contains(address)) continue;
    const std::uint32_t number = last_32_bits(address) - last_32_bits(of_host->base);
    if (number == 0 || number > places_[host].count) return std::nullopt;
    const Target target{host, address.version, number - 1};
    if (this->address(target) != address) return std::nullopt;  // bits between prefix and number
    return target;
  }
  return std::nullopt;
}

}  // namespace spiderling::lab
