#include "app/command_line.h"

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/nearest.h"

namespace spiderling::app {

namespace {

// CLI11 only knows that a subcommand is missing, not which word was to be one.
std::string explain(const CLI::App& cli, const CLI::ParseError& problem) {
  std::vector<std::string_view> names;
  for (const CLI::App* sub :
       cli.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); }))
    names.push_back(sub->get_name());
  const std::vector<std::string> words = cli.remaining();
  const bool is_missing = cli.get_require_subcommand_min() > 0 && cli.get_subcommands().empty();
  if (!is_missing || names.empty() || words.empty() || words.front().starts_with('-')) return problem.what();
  return fmt::format("there is no '{}'; {}", words.front(), did_you_mean(words.front(), names));
}

// That of the subcommand, if one was named; `pathspider ecn` has its name already.
std::string help_of(const CLI::App& cli, std::string called_as) {
  const auto given = cli.get_subcommands();
  if (given.empty()) return cli.help();
  const std::string name = " " + given.front()->get_name();
  if (called_as.ends_with(name)) called_as.resize(called_as.size() - name.size());
  return given.front()->help(called_as);
}

}  // namespace

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
    fmt::print("{}", help_of(cli, arguments.called_as));
    return success;
  } catch (const CLI::CallForVersion& version) {
    fmt::print("{}\n", version.what());
    return success;
  } catch (const CLI::ParseError& problem) {
    return refuse_command_line(arguments, explain(cli, problem));
  }
}

std::chrono::milliseconds as_milliseconds(double seconds) {
  return std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

CLI::Validator number_between(double least, double most) {
  const auto check = [least, most](const std::string& text) {
    double number = 0;
    // Comparisons with nan are false.
    const bool is_good = CLI::detail::lexical_cast(text, number) && number >= least && number <= most;
    return is_good ? std::string() : fmt::format("{} is no number from {:g} to {:g}", text, least, most);
  };
  return CLI::Validator(check, fmt::format("FLOAT in [{:g} - {:g}]", least, most));
}

CLI::Validator count_from(std::uint64_t least) {
  const auto check = [least](const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_good = fault == std::errc() && end == text.data() + text.size() && number >= least;
    return is_good ? std::string() : fmt::format("{} is no whole number from {} on", text, least);
  };
  return CLI::Validator(check, "");
}

}  // namespace spiderling::app
