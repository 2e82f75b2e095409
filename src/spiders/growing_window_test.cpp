#include "spiders/growing_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

/// A server that answers so many a second when so many are under way, for some time; the window in the end.
class Served {
 public:
  explicit Served(std::size_t most) : window(most, now) {}

  void run(std::chrono::milliseconds time, const std::function<double(std::size_t)>& rate_at,
           bool full = true) {
    for (const auto end = now + time; now < end;) {
      now += GrowingWindow::period;
      const double finished =
          rate_at(window.size()) * std::chrono::duration<double>(GrowingWindow::period).count();
      for (int i = 0; i < static_cast<int>(finished); ++i) window.finished();
      if (full) window.was_full();
      window.look(now);
      largest = std::max(largest, window.size());
      smallest = std::min(smallest, window.size());
    }
  }

  GrowingWindow::Time now{};
  GrowingWindow window;
  std::size_t largest = 0, smallest = 1'000'000;
};

// Answers take 50 ms, whatever comes.
double far_away(std::size_t size) { return static_cast<double>(size) / 0.05; }
// So many a second are what it can do; more than 200 at once find no room, and hold those up that do.
double busy(std::size_t size) { return size <= 200 ? 2'000 : 2'000 * 200.0 / static_cast<double>(size); }
double near_by(std::size_t size) { return size <= 200 ? 40'000 : 40'000 * 200.0 / static_cast<double>(size); }
double silent(std::size_t) { return 0; }

TEST(GrowingWindow, GrowsWhileThatMakesItFaster) {
  Served served(1000);
  EXPECT_EQ(served.window.size(), GrowingWindow::first);
  served.run(2500ms, far_away);
  EXPECT_EQ(served.largest, 1000u);
  served.run(10min, far_away);
  EXPECT_GE(served.smallest, GrowingWindow::first);
  EXPECT_GE(served.window.size(), 500u);
}

TEST(GrowingWindow, StaysSmallWhereMoreIsNoFaster) {
  Served served(1000);
  served.run(10min, busy);
  EXPECT_EQ(served.largest, 2 * GrowingWindow::first) << "tried now and then";
  EXPECT_EQ(served.smallest, GrowingWindow::first);
}

TEST(GrowingWindow, TriesNoMoreWhereAnswersComeSoon) {
  Served served(1000);
  served.run(10min, near_by);
  EXPECT_EQ(served.largest, GrowingWindow::first);
}

TEST(GrowingWindow, AStallIsNoReasonToGrow) {
  Served served(1000);
  for (int times = 0; times < 20; ++times) {
    served.run(GrowingWindow::period, [](std::size_t) { return 100; });
    served.run(2s, near_by);
    EXPECT_EQ(served.window.size(), GrowingWindow::first);
  }
  EXPECT_LE(served.largest, 2 * GrowingWindow::first);
}

TEST(GrowingWindow, BecomesSmallAgain) {
  Served served(1000);
  served.run(5s, far_away);
  EXPECT_EQ(served.window.size(), 1000u);
  served.run(20s, near_by);
  EXPECT_LE(served.window.size(), 2 * GrowingWindow::first);
}

TEST(GrowingWindow, GrowsWhereNobodyAnswers) {
  Served served(1000);
  served.run(5s, silent);
  EXPECT_EQ(served.window.size(), 1000u);
}

TEST(GrowingWindow, StaysWhereItIsNotTheLimit) {
  Served served(1000);
  served.run(1min, far_away, false);
  EXPECT_EQ(served.largest, GrowingWindow::first);
}

TEST(GrowingWindow, IsNeverLargerThanTheMost) {
  for (const std::size_t most : {1u, 63u, 65u, 100u}) {
    Served served(most);
    served.run(1min, far_away);
    EXPECT_EQ(served.largest, most);
  }
}

}  // namespace
}  // namespace spiderling
