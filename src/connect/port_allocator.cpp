#include "connect/port_allocator.h"

#include <cstring>
#include <fstream>
#include <random>

namespace spiderling {
namespace {

constexpr std::size_t counter_count = 1 << 16;
constexpr PortRange kernel_default{32768, 60999};

std::uint64_t random_secret() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

// The finalizer of MurmurHash3: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 33)) * 0xff51afd7ed558ccdULL;
  word = (word ^ (word >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return word ^ (word >> 33);
}

std::uint64_t hash_of(const IpAddress& address, std::uint32_t rest, std::uint64_t secret) {
  std::uint64_t halves[2];
  std::memcpy(halves, address.bytes.data(), sizeof halves);
  const std::uint64_t tail = (std::uint64_t{static_cast<std::uint8_t>(address.version)} << 32) | rest;
  return mix(mix(mix(secret ^ halves[0]) ^ halves[1]) ^ tail);
}

}  // namespace

PortRange default_port_range() {
  std::ifstream setting("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint32_t first = 0, last = 0;
  PortRange kernel = kernel_default;
  if (setting >> first >> last && first > 0 && first <= last && last <= 65535) {
    kernel = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
  }
  return {static_cast<std::uint16_t>(kernel.first + kernel.size() / 2), kernel.last};
}

std::size_t PortAllocator::PairHash::operator()(const Pair& pair) const noexcept {
  return hash_of(pair.address, (std::uint32_t{pair.port} << 16) | pair.local_port, secret);
}

PortAllocator::PortAllocator(PortRange range, std::size_t max_in_use)
    : state_(std::make_shared<State>(
          State{range, max_in_use, random_secret(), std::vector<std::uint32_t>(counter_count),
                boost::unordered_flat_set<Pair, PairHash>(0, PairHash{random_secret()})})) {}

Result<PortLease> PortAllocator::take(const IpAddress& address, std::uint16_t port) {
  State& state = *state_;
  if (state.in_use.size() >= state.max_in_use)
    return error("{} local ports are in use, which is the limit", state.max_in_use);
  const std::uint64_t hash = hash_of(address, port, state.secret);
  const auto offset = static_cast<std::uint32_t>(hash >> 32);
  std::uint32_t& counter = state.counters[hash % counter_count];
  const std::uint32_t size = state.range.size();
  for (std::uint32_t tried = 0; tried < size; ++tried) {
    // Wide enough for the sum, else the way round would jump where 32 bits overflow.
    const std::uint64_t step = (std::uint64_t{offset} + counter) % size;
    counter = counter + 1 == size ? 0 : counter + 1;
    const Pair pair{address, port, static_cast<std::uint16_t>(state.range.first + step)};
    if (state.in_use.insert(pair).second) return PortLease(state_, pair);
  }
  return error("every local port from {} to {} is in use towards {} port {}", state.range.first,
               state.range.last, address.to_string(), port);
}

std::size_t PortAllocator::in_use() const { return state_->in_use.size(); }
PortRange PortAllocator::range() const { return state_->range; }

}  // namespace spiderling
