#include "host/configurator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "host/fake_host.h"
#include "host/test_journal_folder.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

struct Configured {
  JournalFolder folder;
  FakeHost host;
  FakeHostState before;
  std::vector<std::string> seen;  // the values of `a` and `b` after each change

  Configured() {
    folder.open();
    host.state.sysctls = {{"a", "1"}, {"b", "1"}, {"c", "1"}};
    before = host.state;
    host.after_change = [this] { seen.push_back(host.state.sysctls["a"] + host.state.sysctls["b"]); };
  }
  Configurator make() { return Configurator(host, *folder.journal); }
};

HostConfiguration both_two() {
  HostConfiguration configuration;
  configuration.name = "config_one";
  configuration.settings = {{"a", "2"}, {"b", " 2\n"}, {"c", "1"}};
  return configuration;
}

TEST(Configurator, TheEpochRunsConfiguredThenAllIsPutBackInReverse) {
  Configured configured;
  Configurator configurator(configured.host, *configured.folder.journal);
  const auto began = Configurator::Clock::now();
  const auto done = configurator.run(both_two(), 1h, [&](auto deadline) -> Result<void> {
    EXPECT_EQ(configured.host.state.sysctls["a"], "2");
    EXPECT_EQ(configured.host.state.sysctls["b"], "2");
    EXPECT_GE(deadline, began + 1h);
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(configured.host.state, configured.before);
  EXPECT_EQ(configured.seen, (std::vector<std::string>{"21", "22", "21", "11"}));
  EXPECT_TRUE(configured.folder.journal->is_empty());
}

TEST(Configurator, AFailureAtAnyStepLeavesTheHostAsFound) {
  for (int step = 1; step <= 3; ++step) {
    Configured configured;
    auto configuration = both_two();
    configuration.apply = [](HostChanges& changes) { return changes.add_nft_table("  chain c { }\n"); };
    configured.host.failing_change = step;
    Configurator configurator(configured.host, *configured.folder.journal);
    bool ran = false;
    const auto done = configurator.run(configuration, 1h, [&](auto) -> Result<void> {
      ran = true;
      return {};
    });
    EXPECT_FALSE(done) << step;
    EXPECT_FALSE(ran) << step;
    EXPECT_EQ(configured.host.state, configured.before) << step;
    EXPECT_TRUE(configured.folder.journal->is_empty()) << step;
  }
}

TEST(Configurator, AStepBackThatFailsIsSaidAndKeptInTheJournal) {
  Configured configured;
  Configurator configurator(configured.host, *configured.folder.journal);
  ASSERT_TRUE(configurator.begin(both_two(), 1h));
  configured.host.failing_change = configured.host.changes + 1;
  const auto done = configurator.end();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("could not be put back: b"), std::string::npos) << done.error().message;
  EXPECT_EQ(configured.host.state.sysctls["a"], "1");
  EXPECT_EQ(configured.host.state.sysctls["b"], "2");
  EXPECT_FALSE(configured.folder.journal->is_empty());
}

TEST(Configurator, ASettingThatDoesNotTakeItsValueIsAnError) {
  Configured configured;
  configured.host.stubborn = {"b"};
  Configurator configurator(configured.host, *configured.folder.journal);
  const auto done = configurator.begin(both_two(), 1h);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("b was set to 2 but is 1"), std::string::npos) << done.error().message;
  EXPECT_EQ(configured.host.state, configured.before);
}

TEST(Configurator, AnUnknownSettingIsAnErrorBeforeAnything) {
  Configured configured;
  HostConfiguration configuration{"x", {{"none", "1"}}, {}, {}};
  Configurator configurator(configured.host, *configured.folder.journal);
  EXPECT_FALSE(configurator.begin(configuration, 1h));
  EXPECT_EQ(configured.host.changes, 0);
}

TEST(Configurator, SomeoneElsesChangeDuringTheEpochIsNoticedAndLeft) {
  Configured configured;
  Configurator configurator(configured.host, *configured.folder.journal);
  const auto done = configurator.run(both_two(), 1h, [&](auto) -> Result<void> {
    configured.host.state.sysctls["a"] = "7";
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("someone else"), std::string::npos) << done.error().message;
  EXPECT_EQ(configured.host.state.sysctls["a"], "7");
  EXPECT_EQ(configured.host.state.sysctls["b"], "1");
}

TEST(Configurator, AnEpochsErrorComesFirst) {
  Configured configured;
  Configurator configurator(configured.host, *configured.folder.journal);
  const auto done =
      configurator.run(both_two(), 1h, [](auto) -> Result<void> { return error("no network"); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "no network");
  EXPECT_EQ(configured.host.state, configured.before);
}

TEST(Configurator, TimeThatIsOverIsAnError) {
  Configured configured;
  Configurator configurator(configured.host, *configured.folder.journal);
  const auto done = configurator.run(both_two(), 0ms, [](auto deadline) -> Result<void> {
    std::this_thread::sleep_until(deadline + 1ms);
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("over"), std::string::npos);
  EXPECT_EQ(configured.host.state, configured.before);
}

TEST(Configurator, OwnStepsAreCalledInOrder) {
  Configured configured;
  std::string order;
  auto configuration = both_two();
  configuration.apply = [&](HostChanges& changes) -> Result<void> {
    order += "apply-" + configured.host.state.sysctls["a"];
    return changes.set_sysctl("c", "5");
  };
  configuration.restore = [&](Host&) -> Result<void> {
    order += " restore-" + configured.host.state.sysctls["c"] + configured.host.state.sysctls["a"];
    return {};
  };
  Configurator configurator(configured.host, *configured.folder.journal);
  EXPECT_TRUE(configurator.run(configuration, 1h, [](auto) -> Result<void> { return {}; }));
  EXPECT_EQ(order, "apply-2 restore-52");
  EXPECT_EQ(configured.host.state, configured.before);

  order.clear();
  configuration.apply = [](HostChanges&) -> Result<void> { return error("cannot"); };
  EXPECT_FALSE(configurator.begin(configuration, 1h));
  EXPECT_EQ(order, " restore-12");
  EXPECT_EQ(configured.host.state, configured.before);
}

TEST(Configurator, OnlyOneAtATime) {
  Configured configured;
  Configurator one(configured.host, *configured.folder.journal),
      two(configured.host, *configured.folder.journal);
  ASSERT_TRUE(one.begin(both_two(), 1h));
  EXPECT_FALSE(one.begin(both_two(), 1h));
  EXPECT_FALSE(two.begin(both_two(), 1h));
  EXPECT_TRUE(one.end());
  EXPECT_FALSE(one.end());
  EXPECT_TRUE(two.begin(both_two(), 1h));
  EXPECT_TRUE(two.end());
}

TEST(Configurator, ItsEndPutsTheHostBack) {
  Configured configured;
  {
    Configurator configurator(configured.host, *configured.folder.journal);
    ASSERT_TRUE(configurator.begin(both_two(), 1h));
  }
  EXPECT_EQ(configured.host.state, configured.before);
}

TEST(HostChanges, ASettingGivenTwoValuesIsPutBackToTheFirst) {
  Configured configured;
  HostChanges changes(configured.host, *configured.folder.journal);
  ASSERT_TRUE(changes.set_sysctl("a", "2"));
  ASSERT_TRUE(changes.set_sysctl("a", "3"));
  EXPECT_TRUE(changes.verify());
  EXPECT_EQ(changes.restore().put_back.size(), 2U);
  EXPECT_EQ(configured.host.state, configured.before);
}

}  // namespace
}  // namespace spiderling
