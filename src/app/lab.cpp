// spiderling lab: a network with known faults on this machine.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command_line.h"
#include "app/lab_command.h"
#include "app/output.h"
#include "base/nearest.h"
#include "host/program.h"
#include "lab/job_list.h"
#include "lab/servers.h"

namespace spiderling::app {
namespace {

// --- list

int list(const Arguments& arguments, const LabOptions&) {
  fmt::print("Scenarios:\n");
  for (const lab::ShippedScenario& shipped : lab::shipped_scenarios()) {
    const auto scenario = lab::load_scenario(std::string(shipped.name));
    if (!scenario) return refuse(arguments, scenario.error());
    fmt::print("  {:<22} {} ({} targets)\n", scenario->name, scenario->description, scenario->targets());
  }
  fmt::print("\nBoxes:\n");
  for (const lab::Box& box : lab::boxes()) {
    fmt::print("  {:<22} {}", box.name, box.summary);
    for (const lab::Parameter parameter : box.parameters) fmt::print(" [{}]", lab::key_of(parameter));
    fmt::print("{}\n", box.ipv4_only ? " (IPv4 only)" : "");
  }
  if (::geteuid() != 0) return success;
  const auto running = lab::LabList::open();
  if (!running || running->names().empty()) return success;
  fmt::print("\nUp: {}\n", fmt::join(running->names(), " "));
  return success;
}

// --- up, down

void print_next_steps(const LoadedScenario& loaded, const std::string& named,
                      std::chrono::duration<double> took) {
  const lab::Scenario& scenario = loaded.scenario;
  fmt::print("lab '{}' is up: {} hosts, {} targets ({:.2f} s)\n", scenario.name, scenario.hosts.size(),
             scenario.targets(), took.count());
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i) {
    fmt::print("  {:<22}", scenario.hosts[i].name);
    for (const IpVersion version : {IpVersion::v4, IpVersion::v6})
      if (loaded.plan.prefix(i, version) != nullptr)
        fmt::print(" {:<24}", loaded.plan.address({i, version, 0}).to_string());
    fmt::print(" port {}\n", scenario.hosts[i].port);
  }
  fmt::print(
      "What now:\n  spiderling lab exec {0} -- bash      a shell where measurements run (interface lab0)\n"
      "  spiderling lab jobs {0}              its targets, as jobs\n"
      "  spiderling lab down {0}              ends it; nothing is left\n",
      named);
}

int up(const Arguments& arguments, const LabOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto loaded = load_for_lab(options);
  if (!loaded) return refuse(arguments, loaded.error());
  if (const auto possible = lab::check_lab_is_possible(); !possible)
    return refuse(arguments, possible.error());
  const auto running = lab::LabList::open();
  if (!running) return refuse(arguments, running.error());
  const std::string& name = loaded->scenario.name;
  if (running->find(name))
    return refuse(arguments,
                  Error{fmt::format("lab '{}' is up already (spiderling lab down {})", name, name)});
  if (const auto lab = bring_up(*loaded, *running); !lab) return refuse(arguments, lab.error());
  print_next_steps(*loaded, options.scenario, std::chrono::steady_clock::now() - begin);
  return success;
}

Result<void> take_down(const lab::LabList& running, const std::string& name) {
  const auto handle = running.find(name);
  if (!handle) return error("lab '{}' is not up", name);
  if (auto ended = lab::end_lab(*handle); !ended) return ended;
  running.remove(name);
  fmt::print("lab '{}' is gone\n", name);
  return {};
}

int down(const Arguments& arguments, const LabOptions& options) {
  if (options.scenario.empty() == !options.all)
    return refuse(arguments, Error{"name a scenario, or --all (--help tells the options)"});
  const auto running = lab::LabList::open();
  if (!running) return refuse(arguments, running.error());
  std::vector<std::string> names = running->names();
  if (!options.all) {
    const auto name = lab_name(options.scenario);
    if (!name) return refuse(arguments, name.error());
    names = {*name};
  }
  for (const std::string& name : names)
    if (const auto gone = take_down(*running, name); !gone) return refuse(arguments, gone.error());
  return success;
}

// --- jobs

int jobs(const Arguments& arguments, const LabOptions& options) {
  const auto loaded = load_for_lab(options);
  if (!loaded) return refuse(arguments, loaded.error());
  lab::JobList list(loaded->scenario, loaded->plan);
  std::string text;
  bool more = true;
  while (more) {
    more = list.append_next(text);
    if (more && text.size() < write_at_once) continue;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return failed_while_running;
    text.clear();
  }
  return std::fflush(stdout) == 0 ? success : failed_while_running;
}

// --- exec

Result<lab::LabHandle> find_running(const std::string& name_or_path) {
  const auto name = lab_name(name_or_path);
  if (!name) return tl::unexpected(name.error());
  const auto running = lab::LabList::open();
  if (!running) return tl::unexpected(running.error());
  const auto handle = running->find(*name);
  if (!handle) return error("lab '{}' is not up (spiderling lab up {})", *name, name_or_path);
  return *handle;
}

// The program has the terminal: its Ctrl-C is not ours.
int wait_for_program(pid_t program) {
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGQUIT, SIG_IGN);
  int status = 0;
  while (::waitpid(program, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_status(status);
}

int exec(const Arguments& arguments, const LabOptions& options) {
  const auto place = lab::parse_place(options.place);
  if (!place)
    return refuse(arguments,
                  Error{fmt::format("--in is prober, router or servers: not '{}'", options.place)});
  if (options.words.empty()) return refuse(arguments, Error{"no command: lab exec SCENARIO -- COMMAND..."});
  const auto handle = find_running(options.scenario);
  if (!handle) return refuse(arguments, handle.error());
  if (const auto joined = lab::join_lab(*handle, *place); !joined) return refuse(arguments, joined.error());
  ProgramStart start;
  start.words = options.words;
  start.input = STDIN_FILENO;
  start.output = STDOUT_FILENO;
  start.errors = STDERR_FILENO;
  start.new_proc = true;
  const auto program = start_program(start);
  if (!program) return refuse(arguments, program.error());
  return wait_for_program(*program);
}

// --- the command line

struct Subcommand {
  const char* name;
  const char* summary;
  int (*run)(const Arguments&, const LabOptions&);
};
constexpr Subcommand subcommands[] = {
    {"list", "The scenarios that ship, and the boxes that there are", list},
    {"up", "Bring a lab up; it stays until `lab down`, whatever happens to anybody", up},
    {"down", "End a lab; nothing of it is left", down},
    {"check", "Measure a scenario and hold the results against its truth", lab_check},
    {"exec", "Run a program in a lab that is up: lab exec SCENARIO -- COMMAND...", exec},
    {"jobs", "Print a scenario's targets as jobs", jobs},
};

void add_check_options(CLI::App& check, LabOptions& o) {
  check.add_option("--measurement", o.measurement, "What to measure (what the scenario says)")
      ->type_name("NAME");
  check.add_option("--connect", o.connect, "How to connect (what the scenario says)")->type_name("MODE");
  check.add_option("--results", o.results, "Judge a file of results, - is standard input; measure nothing")
      ->type_name("FILE");
  check.add_flag("--keep", o.keep, "Leave the lab up afterwards; use one that is up");
  check.add_flag("--json", o.json, "Print the verdict as one JSON object");
  check.add_flag("--brief", o.brief, "Print one line if all is right");
  check.add_flag("--color", o.color, "Colour it whatever it is printed to");
  check
      .add_option("--at-once", o.at_once,
                  "With all: so many labs at a time; fewer where targets are many or the machine is busy")
      ->check(CLI::Range(1u, 64u))
      ->type_name("N")
      ->capture_default_str();
  check.footer(
      "SCENARIO all: those of all measurements, some side by side, each told of as it ends, with --brief.\n"
      "Words behind -- go to `spiderling measure`. Exit status: 0 all right, 1 not, 2 nothing was measured.");
}

void add_scenario_changes(CLI::App& sub, LabOptions& o) {
  sub.add_option("--scale", o.scale, "So many times as many targets of each host")
      ->check(CLI::Range(1u, lab::max_count))
      ->type_name("N");
  sub.add_option("--loss", o.loss_percent, "Lose so many of all packets at random, whatever their box")
      ->check(number_between(0, 100))
      ->type_name("PERCENT");
}

void add_subcommands(CLI::App& cli, LabOptions& o) {
  for (const Subcommand& subcommand : subcommands) {
    CLI::App* sub = cli.add_subcommand(subcommand.name, subcommand.summary);
    sub->set_help_flag("--help", "Print this help and exit");
    const std::string_view name = subcommand.name;
    if (name == "list") continue;
    auto* scenario =
        sub->add_option("SCENARIO", o.scenario, "A name from `lab list`, or the path of a .toml file");
    if (name == "down")
      sub->add_flag("--all", o.all, "All labs that are up");
    else
      scenario->required();
    if (name == "up" || name == "check" || name == "jobs") add_scenario_changes(*sub, o);
    if (name == "exec")
      sub->add_option("--in", o.place, "Where: prober, router or servers")
          ->capture_default_str()
          ->type_name("PLACE");
    if (name == "check") add_check_options(*sub, o);
  }
  cli.require_subcommand(1);
}

// CLI11 would take words behind -- for arguments of its own.
std::vector<std::string> split_at_dashes(std::vector<std::string>& words) {
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end()) return {};
  std::vector<std::string> behind(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return behind;
}

}  // namespace

int refuse(const Arguments& arguments, const Error& problem) {
  fmt::print(stderr, "{}: {}\n", arguments.called_as, problem.message);
  return bad_request;
}

Result<LoadedScenario> load_for_lab(const LabOptions& options) {
  auto scenario = lab::load_scenario(options.scenario);
  if (!scenario) return tl::unexpected(scenario.error());
  if (auto done = scenario->multiply(options.scale); !done) return tl::unexpected(done.error());
  if (options.loss_percent) scenario->loss_percent = *options.loss_percent;
  auto plan = lab::AddressPlan::of(*scenario);
  if (!plan) return tl::unexpected(plan.error());
  return LoadedScenario{std::move(*scenario), std::move(*plan)};
}

Result<std::string> lab_name(const std::string& name_or_path) {
  if (lab::is_plain_name(name_or_path)) return name_or_path;
  auto scenario = lab::load_scenario(name_or_path);
  if (!scenario) return tl::unexpected(scenario.error());
  return scenario->name;
}

Result<lab::LabHandle> bring_up(const LoadedScenario& loaded, const lab::LabList& list) {
  if (const auto programs = lab::find_lab_programs(); !programs) return tl::unexpected(programs.error());
  auto lab = lab::Lab::start(loaded.scenario, loaded.plan);
  if (!lab) return tl::unexpected(lab.error());
  // In the list before it stays: killed in between, there is an entry without a lab, which the next look
  // removes; the other way round there would be a lab that nobody knows of.
  if (const auto added = list.add(loaded.scenario.name, lab->handle()); !added)
    return tl::unexpected(added.error());
  if (const auto stays = lab->stay(); !stays) {
    list.remove(loaded.scenario.name);
    return tl::unexpected(stays.error());
  }
  return lab->handle();
}

int lab(const Arguments& arguments) {
  LabOptions options;
  std::vector<std::string> words = arguments.words;
  options.words = split_at_dashes(words);
  std::ranges::reverse(words);  // CLI11 takes them from the back
  CLI::App cli("A network of hosts and middleboxes with known faults, in namespaces of this machine.",
               arguments.called_as);
  cli.set_help_flag("--help", "Print this help and exit");
  add_subcommands(cli, options);
  try {
    cli.parse(words);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", cli.help());
    return success;
  } catch (const CLI::ParseError& problem) {
    return refuse(arguments, Error{fmt::format("{} (--help tells the options)", problem.what())});
  }
  const std::string chosen = cli.get_subcommands().front()->get_name();
  const auto* found =
      std::ranges::find(subcommands, chosen, [](const Subcommand& s) { return std::string(s.name); });
  return found->run({fmt::format("{} {}", arguments.called_as, chosen), {}}, options);
}

}  // namespace spiderling::app
