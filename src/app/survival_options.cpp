#include "app/survival_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "spiderling/address.h"

namespace spiderling::app {

namespace {

// Where a run goes on, these may be others: how fast, where the files are, who is told what.
constexpr std::array<std::string_view, 22> of_this_time = {
    "journal",   "resume",    "pause",           "probe",        "input",       "output",  "workers",  "ring",
    "verbose",   "rate",      "rate-per-prefix", "max-duration", "retry-pause", "opt-out", "metadata", "pcap",
    "pcap-size", "pcap-snap", "contact",         "kitchen-name", "token-file",  "ca-file"};

// Those of its groups as well, which are commands without a name.
void remember(const CLI::App& cli, SurvivalOptions& o) {
  for (const CLI::App* group :
       cli.get_subcommands([](const CLI::App* one) { return one->get_name().empty(); }))
    remember(*group, o);
  for (const CLI::Option* option : cli.get_options()) {
    const std::string name = option->get_single_name();
    if (option->count() == 0 || std::ranges::find(of_this_time, name) != of_this_time.end()) continue;
    o.of_run.emplace_back("--" + name, fmt::format("{}", fmt::join(option->results(), ",")));
  }
}

std::string check_probe(const std::string& text) {
  if (text == "gateway" || IpAddress::parse(text)) return {};
  return fmt::format("'{}' is no address, and not 'gateway'", text);
}

}  // namespace

void add_survival(CLI::App& cli, SurvivalOptions& o) {
  auto* group = cli.add_option_group("Survival");
  auto* journal =
      group
          ->add_option(
              "--journal", o.journal,
              "Keep in a file what of the list is done, so that the run can go on after whatever end")
          ->type_name("FILE");
  group->add_flag("--resume", o.resume, "Go on where the journal's run ended; else it is a new one")
      ->needs(journal);
  group
      ->add_option(
          "--pause", o.pause,
          "While the interface or its default route is away ask nobody, and ask those again who were "
          "asked in vain: on, off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, std::string>{{"on", "true"}, {"off", "false"}})
              .description(""))
      ->type_name("WHAT")
      ->default_str("on");
  group
      ->add_option(
          "--probe", o.probe,
          "The network is away, too, when this address (or gateway: that of the default route) does not "
          "answer an ICMP echo request a second (none is asked)")
      ->check(check_probe)
      ->type_name("ADDRESS");
}

void remember_options_of_run(const CLI::App& cli, const CLI::App& chosen, SurvivalOptions& o) {
  remember(cli, o);
  remember(chosen, o);
  std::ranges::sort(o.of_run);
}

}  // namespace spiderling::app
