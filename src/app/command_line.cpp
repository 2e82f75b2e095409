#include "app/command_line.h"

#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace spiderling::app {

int refuse_command_line(const Arguments& arguments, std::string_view problem) {
  fmt::print(stderr, "{}: {} (--help tells the options)\n", arguments.called_as, problem);
  return bad_request;
}

std::optional<int> parse_command_line(CLI::App& cli, const Arguments& arguments) {
  std::vector<std::string> words(arguments.words.rbegin(),
                                 arguments.words.rend());  // CLI11 takes them from the back
  try {
    cli.parse(words);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const auto given = cli.get_subcommands();
    fmt::print("{}", given.empty() ? cli.help() : given.front()->help());
    return success;
  } catch (const CLI::CallForVersion& version) {
    fmt::print("{}\n", version.what());
    return success;
  } catch (const CLI::ParseError& problem) {
    return refuse_command_line(arguments, problem.what());
  }
}

}  // namespace spiderling::app
