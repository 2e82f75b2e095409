#include "app/expand_options.h"

#include <CLI/CLI.hpp>

namespace spiderling::app {

namespace {

std::string check_resolver(const std::string& text) {
  const auto address = ResolverAddress::parse(text);
  return address ? "" : address.error().message;
}

}  // namespace

void add_expand_options(CLI::App& command, ExpandOptions& options) {
  command
      .add_option("--resolver", options.resolvers,
                  "Who is asked for names; several are asked in turns (those of /etc/resolv.conf)")
      ->check(check_resolver)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ADDRESS[:PORT]");
  command
      .add_option("--tries", options.tries,
                  "Questions to each resolver; they share --timeout, which is that of a name")
      ->check(CLI::Range(1u, 10u))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--unresolved", options.unresolved,
                  "Write what came to nothing to a file: the jobs as they came, with the reason")
      ->type_name("FILE");
}

}  // namespace spiderling::app
