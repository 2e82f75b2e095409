#include "spiders/plugin_calls.h"

#include <gtest/gtest.h>

#include <future>

#include "spiders/await_task.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

TEST(PluginCalls, OnlyCombineThatFailsInARowEndsARun) {
  PluginCalls calls("mine", {3}, nullptr);
  for (int i = 0; i < 10; ++i) calls.failed(PluginFunction::connect, "no luck");
  EXPECT_EQ(calls.exhausted(), "");
  calls.failed(PluginFunction::combine, "no luck");
  calls.failed(PluginFunction::combine, "no luck");
  calls.succeeded(PluginFunction::combine);
  calls.failed(PluginFunction::combine, "no luck");
  calls.failed(PluginFunction::combine, "no luck");
  EXPECT_EQ(calls.exhausted(), "");
  calls.failed(PluginFunction::combine, "no luck");
  EXPECT_EQ(calls.exhausted(), "combine of measurement mine failed 3 times in a row");
}

asio::awaitable<bool> waits(asio::io_context& loop) {
  asio::steady_timer timer(loop, 1ms);
  co_await timer.async_wait(asio::use_awaitable);
  co_return true;
}

// Blocks behind a wait, where the loop has gone on with it; until the test knows its name.
Task<int> blocks_later(asio::io_context& loop, PluginCalls& calls, std::future<std::string>& name) {
  co_await InTask<bool>(loop.get_executor(), waits(loop), &calls.watch());
  co_return name.wait_for(60s) == std::future_status::ready ? 7 : 0;
}

TEST(PluginCalls, ACoroutineThatBlocksIsNamedAlsoBehindAWait) {
  std::promise<std::string> named;
  auto name = named.get_future();
  Watchdog watchdog({10ms, 1ms, [&](const BlockedHandler& handler) {
                       if (!handler.ended) named.set_value(std::string(handler.name));
                     }});
  asio::io_context loop(1);
  PluginCalls calls("mine", {}, &watchdog);
  int given = 0;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        given = co_await await_task(blocks_later(loop, calls, name), &calls, PluginFunction::post_connect);
      },
      asio::detached);
  loop.run();
  EXPECT_EQ(given, 7);
  EXPECT_EQ(name.get(), "post_connect of measurement mine");
  EXPECT_EQ(calls.watch().times_blocked(static_cast<std::uint32_t>(PluginFunction::post_connect)), 1u);
}

}  // namespace
}  // namespace spiderling
