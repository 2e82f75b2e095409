#include "base/handler_meter.h"

namespace spiderling {

std::chrono::nanoseconds Sampling::clock_cost() {
  static const std::chrono::nanoseconds cost = [] {
    constexpr int looks = 1000;
    auto least = std::chrono::nanoseconds::max();
    for (int i = 0; i < looks; ++i) {
      const auto before = Clock::now();
      least = std::min<std::chrono::nanoseconds>(least, Clock::now() - before);
    }
    return least;
  }();
  return cost;
}

}  // namespace spiderling
