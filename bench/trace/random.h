// Random numbers that are the same everywhere for the same seed, so that a bench trace can be made again.
#pragma once

#include <cstdint>

namespace spiderling::bench {

/// splitmix64: a good mix of one word; also the step of Random.
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Integers only: no floating point, no library distribution, whose results may differ between machines.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    const std::uint64_t value = mix(state_);
    state_ += 0x9e3779b97f4a7c15ULL;
    return value;
  }
  /// 0 to limit - 1. `limit` is at least 1.
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>(((next() >> 32) * limit) >> 32);
  }
  /// Both ends included.
  std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
  /// True in `n` of `out_of` cases.
  bool chance(std::uint32_t n, std::uint32_t out_of) { return below(out_of) < n; }

 private:
  std::uint64_t state_;
};

}  // namespace spiderling::bench
