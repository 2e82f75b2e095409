#include "base/leavable_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

namespace spiderling {
namespace {

using namespace std::chrono_literals;

constexpr auto long_enough = 60s;

TEST(LeavableThread, WithoutAFunctionItIsOver) {
  LeavableThread thread;
  EXPECT_TRUE(thread.is_over());
  thread.leave();
}

TEST(LeavableThread, IsOverWhenTheFunctionIsDestroyed) {
  const auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owned;
  LeavableThread thread([held = std::make_shared<std::shared_ptr<int>>(owned)] { EXPECT_EQ(**held, 1); });
  EXPECT_TRUE(thread.wait(long_enough));
  EXPECT_TRUE(thread.is_over());
  EXPECT_EQ(seen.use_count(), 1) << "only the test's is left";
}

TEST(LeavableThread, OneThatWaitsIsLeft) {
  const auto go = std::make_shared<std::promise<void>>();
  const auto went = std::make_shared<std::promise<void>>();
  {
    LeavableThread thread([go, went] {
      go->get_future().wait();
      went->set_value();
    });
    EXPECT_FALSE(thread.is_over());
    EXPECT_FALSE(thread.wait(1ms));
  }
  go->set_value();
  EXPECT_EQ(went->get_future().wait_for(long_enough), std::future_status::ready);
}

TEST(LeavableThread, WaitsForWhatIsThreadLocal) {
  struct Last {
    std::shared_ptr<std::promise<void>> go;
    std::shared_ptr<std::promise<void>> reached;
    ~Last() {
      if (!go) return;
      reached->set_value();
      go->get_future().wait();
    }
  };
  const auto go = std::make_shared<std::promise<void>>();
  const auto reached = std::make_shared<std::promise<void>>();
  LeavableThread thread([go, reached] {
    thread_local Last last;
    last.go = go;
    last.reached = reached;
  });
  EXPECT_EQ(reached->get_future().wait_for(long_enough), std::future_status::ready);
  EXPECT_FALSE(thread.is_over());
  go->set_value();
  EXPECT_TRUE(thread.wait(long_enough));
}

TEST(LeavableThread, AnotherTakesItsPlace) {
  const auto ran = std::make_shared<std::promise<void>>();
  LeavableThread thread([] {});
  thread = LeavableThread([ran] { ran->set_value(); });
  EXPECT_EQ(ran->get_future().wait_for(long_enough), std::future_status::ready);
  EXPECT_TRUE(thread.wait(long_enough));
}

TEST(LeavableThread, MayBeLetGoByItself) {
  const auto done = std::make_shared<std::promise<void>>();
  const auto owner = std::make_shared<std::vector<LeavableThread>>();
  const auto filled = std::make_shared<std::promise<void>>();
  owner->emplace_back([owner, done, filled]() mutable {
    filled->get_future().wait();
    owner->clear();
    done->set_value();
  });
  filled->set_value();
  EXPECT_EQ(done->get_future().wait_for(long_enough), std::future_status::ready);
}

}  // namespace
}  // namespace spiderling
