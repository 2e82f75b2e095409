// One binary; its other names are links to it, and the name that it was called by decides.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/command.h"
#include "app/plugin_options.h"
#include "base/nearest.h"
#include "plugins/python_door.h"
#include "plugins/python_measurements.h"
#include "plugins/registry.h"

namespace spiderling::app {
namespace {

struct Command {
  std::string_view name;
  int (*run)(const Arguments&);
  std::string_view summary;
  bool takes_plugins = false;  ///< --plugin and --plugin-dir
};
constexpr Command commands[] = {
    {"observe", observe, "packets in, one JSON record a flow out", true},
    {"measure", measure, "a list of targets in, what the path to each lets through out", true},
    {"replay", replay, "results held against the packets that were kept with them", true},
    {"metadata", metadata, "from when to when results are, written beside them"},
    {"filter", filter, "a list of targets in, those that may be asked out, each once"},
    {"sniff", sniff, "packets in, chefs' dumplings out, to a hub or printed", true},
    {"hub", hub, "kitchens in, every dumpling to every eater"},
    {"print", print, "dumplings from a hub, printed or stored"},
    {"status", status, "how a hub is, in one line that is redrawn"},
    {"details", details, "the next status of a hub, whole"},
    {"store", store, "dumplings that were stored, printed"},
    {"plugins", plugins, "the chains, chefs and measurements that there are, and where", true},
    {"lab", lab, "a network with known faults on this machine, to try measurements on", true},
    {"new", new_plugin, "a starting point for a plugin of your own", true},
};

// Each of the program's names, and the commands that it takes.
struct ProgramName {
  std::string_view name;
  std::string_view purpose;
};
constexpr ProgramName program_names[] = {
    {"spiderling", "network measurement that people extend"},
    {"pspdr", "spiderling, as PATHspider 2 was called"},
    {"pathspider", "spiderling, as PATHspider 1 was called"},
};

// Commands of the original that are not here, and why.
struct LeftOut {
  std::string_view name;
  std::string_view why;
};
constexpr LeftOut left_out[] = {
    {"upload",
     "the service that it gave results to is gone; what it wanted to know of them, `metadata` still writes"},
    {"test",
     "it ran the original's own tests; `spiderling lab check` tries measurements on a network with known "
     "faults"},
};

// Names that stand for one command, netdumplings' own.
struct CommandLink {
  std::string_view name;
  std::string_view command;
};
constexpr CommandLink command_links[] = {
    {"nd-sniff", "sniff"},        {"nd-hub", "hub"}, {"nd-print", "print"}, {"nd-hubstatus", "status"},
    {"nd-hubdetails", "details"},
};

constexpr std::chrono::seconds python_end_takes_at_most{3};

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

void print_help(std::string_view program) {
  std::string_view purpose = program_names[0].purpose;
  for (const auto& known : program_names) {
    if (known.name == program) purpose = known.purpose;
  }
  fmt::print("{}: {}\n\nUsage: {} COMMAND [OPTIONS] ...\n\nCommands:\n", program, purpose, program);
  for (const Command& command : commands) fmt::print("  {:<10} {}\n", command.name, command.summary);
  fmt::print("\n{} COMMAND --help tells the options of a command. --version tells the version.\n", program);
}

int run_command(const Command& command, Arguments arguments) {
  if (command.takes_plugins) {
    auto search = take_plugin_words(arguments.words);
    if (!search) {
      fmt::print(stderr, "{}: {}\n", arguments.called_as, search.error().message);
      return bad_request;
    }
    arguments.plugins = std::move(*search);
  }
  return command.run(arguments);
}
const Command* find_command(std::string_view name) {
  const auto* found = std::ranges::find(commands, name, &Command::name);
  return found == std::end(commands) ? nullptr : found;
}

// `pathspider PLUGIN <jobs.csv >results.txt`, the form of PATHspider 1. Its lists were CSV; either is taken.
bool is_measurement(std::vector<std::string> words) {
  if (Registry::built_in().measurement(words[0]) != nullptr) return true;
  const auto search = take_plugin_words(words);
  if (!search || words.empty()) return false;
  const auto found = Registry::find(*search);
  return found && found->measurement(words[0]) != nullptr;
}
// The same of a plugin in Python, which is asked only about words that nothing else knows.
bool is_python_measurement(const std::string& word) {
  const auto found = find_measurements(Registry::built_in(), {word});
  for (const std::string& problem : found.problems) fmt::print(stderr, "{}\n", problem);
  return std::ranges::any_of(found.measurements,
                             [&](const MeasurementDescription* one) { return one->name == word; });
}
std::vector<std::string> as_measure(std::vector<std::string> words, bool verbose) {
  words.insert(words.begin(), "--any-input");
  if (verbose) words.insert(words.begin(), "--verbose");
  return words;
}

int run(std::span<char*> argv) {
  const std::string_view program = argv.empty() ? "spiderling" : base_name(argv[0]);
  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  for (const CommandLink& link : command_links) {
    if (link.name == program)
      return run_command(*find_command(link.command), {std::string(program), std::move(words)});
  }
  bool verbose = false;
  while (!words.empty() && (words[0] == "--verbose" || words[0] == "-v")) {  // pspdr --verbose COMMAND
    verbose = true;
    words.erase(words.begin());
  }
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help(program);
    return words.empty() ? bad_request : success;
  }
  if (words[0] == "--version") {
    fmt::print("spiderling {}\n", SPIDERLING_VERSION);
    return success;
  }
  if (program == "pathspider" && words[0].starts_with('-')) {  // pathspider -i eth0 PLUGIN
    return run_command(*find_command("measure"),
                       {std::string(program), as_measure(std::move(words), verbose)});
  }
  if (const Command* command = find_command(words[0])) {
    Arguments arguments{fmt::format("{} {}", program, command->name), {words.begin() + 1, words.end()}};
    if (verbose) arguments.words.insert(arguments.words.begin(), "--verbose");
    return run_command(*command, std::move(arguments));
  }
  if (program != program_names[0].name && is_measurement(words)) {
    return run_command(*find_command("measure"),
                       {fmt::format("{} {}", program, words[0]), as_measure(std::move(words), verbose)});
  }
  if (program != program_names[0].name && is_python_measurement(words[0])) {
    return run_command(*find_command("measure"),
                       {fmt::format("{} {}", program, words[0]), as_measure(std::move(words), verbose)});
  }
  for (const LeftOut& command : left_out) {
    if (command.name != words[0]) continue;
    fmt::print(stderr, "{}: there is no '{}' here: {}\n", program, command.name, command.why);
    return bad_request;
  }
  std::vector<std::string_view> names;
  for (const Command& command : commands) names.push_back(command.name);
  fmt::print(stderr, "{}: there is no command '{}'; {} ({} --help)\n", program, words[0],
             did_you_mean(words[0], names), program);
  return bad_request;
}

// The work is done and written; what Python code has left running must not hold the program up.
void end_python(int status) {
  PythonHost* python = running_python_host();
  if (python == nullptr || python->end(python_end_takes_at_most)) return;
  fmt::print(stderr, "spiderling: Python code still runs after {}; it is left behind\n",
             python_end_takes_at_most);
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace
}  // namespace spiderling::app

int main(int argc, char** argv) {
  // A reader that went away is an error of write(), not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever started us may have ignored it: then nobody would be told how programs of ours ended.
  std::signal(SIGCHLD, SIG_DFL);
  int status = spiderling::app::failed_while_running;
  try {
    status = spiderling::app::run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& problem) {
    fmt::print(stderr, "spiderling: {}\n", problem.what());
  }
  spiderling::app::end_python(status);
  return status;
}
