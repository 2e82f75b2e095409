#include "app/survival_options.h"

#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace spiderling::app {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

// A command line with an option of a group, one of its own, one of a subcommand, and those of survival.
Options of_run(std::vector<std::string> words) {
  CLI::App cli;
  SurvivalOptions survival;
  double linger = 1;
  int seed = 1;
  std::size_t workers = 1;
  std::string connect;
  auto* group = cli.add_option_group("How");
  group->add_option("--linger", linger);
  group->add_option("-w,--workers", workers);
  cli.add_option("--seed", seed);
  add_survival(cli, survival);
  auto* chosen = cli.add_subcommand("ecn")->fallthrough();
  chosen->add_option("--connect", connect);
  std::ranges::reverse(words);
  cli.parse(words);
  remember_options_of_run(cli, *chosen, survival);
  return survival.of_run;
}

TEST(SurvivalOptions, WhatChangesResultsIsRemembered) {
  EXPECT_EQ(of_run({"--linger", "2", "ecn", "--connect", "tcp", "--seed", "7"}),
            (Options{{"--connect", "tcp"}, {"--linger", "2"}, {"--seed", "7"}}));
}

TEST(SurvivalOptions, WhatDoesNotIsNot) {
  EXPECT_EQ(
      of_run({"-w", "9", "--journal", "j", "--resume", "--pause", "off", "--probe", "192.0.2.1", "ecn"}),
      Options{});
}

TEST(SurvivalOptions, ResumingNeedsAJournal) {
  EXPECT_THROW(of_run({"--resume", "ecn"}), CLI::ParseError);
  EXPECT_THROW(of_run({"--probe", "nobody", "ecn"}), CLI::ParseError);
  EXPECT_THROW(of_run({"--pause", "perhaps", "ecn"}), CLI::ParseError);
  EXPECT_NO_THROW(of_run({"--probe", "gateway", "ecn"}));
}

}  // namespace
}  // namespace spiderling::app
