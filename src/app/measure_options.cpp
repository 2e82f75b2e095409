#include "app/measure_options.h"

#include <limits>
#include <map>
#include <type_traits>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/measurement_options.h"
#include "app/plugin_options.h"
#include "connect/http.h"
#include "plugins/python_measurements.h"

namespace spiderling::app {

namespace {

constexpr double longest_wait_seconds = 3600;
constexpr std::size_t longest_contact = 200;

const std::map<std::string, Interleave> interleaves{
    {"together", Interleave::together}, {"random", Interleave::random}, {"in-order", Interleave::in_order}};
const std::map<std::string, Configure> configures{{"socket", Configure::socket}, {"host", Configure::host}};

// A measurement as the command line has it: a subcommand with its options.
struct Choice {
  const MeasurementDescription* description;
  std::unique_ptr<Measurement> measurement;
  CLI::App* command = nullptr;
  std::string connect;
};

void add_input_and_output(CLI::App& cli, MeasureOptions& o) {
  auto* input = cli.add_option_group("Input");
  input
      ->add_option("-i,--interface", o.interface,
                   "Where the targets are reached, and observed (that of the default route)")
      ->type_name("IFACE");
  input->add_option("--input", o.input, "The job list, one target a line; - for standard input")
      ->capture_default_str()
      ->type_name("FILE");
  input->add_flag("--csv-input", o.csv_input,
                  "Jobs are CSV: rank,domain or dip,dp,domain or dip,dp,domain,rank (default: JSON objects)");
  input->add_flag("--any-input", o.any_input,
                  "Jobs are whatever the first line is, an object or columns (pathspider PLUGIN)");
  auto* output = cli.add_option_group("Output");
  output->add_option("--output", o.output, "Write results to a file (standard output)")->type_name("FILE");
  output->add_flag("--output-flows", o.output_flows, "Also the flow records that the conditions come from");
  output->add_flag("--verbose,-v", o.verbose, "Say on standard error what is run, and what came of it");
  add_hub_target(cli, o.hub, "results, as dumplings of chef measure.PLUGIN", cli.get_option("--output"));
}

std::string check_contact(const std::string& text) {
  if (text.size() > longest_contact || (text.find('@') == text.npos && text.find("://") == text.npos))
    return fmt::format("a contact is a URL or a mail address of at most {} characters", longest_contact);
  const auto agent = user_agent(SPIDERLING_VERSION, text);
  return agent ? "" : agent.error().message;
}

void add_how(CLI::App& cli, MeasureOptions& o) {
  auto* how = cli.add_option_group("How");
  how->add_option("-w,--workers", o.workers, "Jobs whose connections are made at the same time")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str()
      ->type_name("N");
  how->add_option("--max-failures", o.max_failures,
                  "Failures in a row of the measurement's combine(), after which no more jobs are taken, or "
                  "of a chain's "
                  "hook, after which the chain is set aside; 0: it goes on")
      ->check(count_from(0))
      ->capture_default_str()
      ->type_name("N");
  how->add_option("--timeout", o.timeout_seconds, "Seconds for one connection, its conversation included")
      ->check(number_between(0.01, longest_wait_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
  how->add_option(
         "--attempts", o.attempts,
         "Attempts at a connection until somebody answers, each with its share of --timeout (1; 3 where "
         "one packet is all there is: dnsudp, forged packets)")
      ->check(CLI::Range(1u, 100u))
      ->type_name("N");
  how->add_option(
         "--repeat", o.repeat,
         "Measure each target so many times at most, until more than half of them gave the same answer: "
         "chance loses other packets each time")
      ->check(CLI::Range(1u, 99u))
      ->capture_default_str()
      ->type_name("N");
  how->add_option("--linger", o.linger_seconds,
                  "Seconds for which a connection is still observed when it is over")
      ->check(number_between(0.1, longest_wait_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
  how->add_option("--interleave", o.interleave,
                  "Connections of one job: together, random (one by one), in-order")
      ->transform(CLI::CheckedTransformer(interleaves).description(""))
      ->type_name("HOW")
      ->default_str("together");
  how->add_option("--configure", o.configure,
                  "Set up each socket, or the whole host (one configuration at a time): socket, host")
      ->transform(CLI::CheckedTransformer(configures).description(""))
      ->type_name("WHAT")
      ->default_str("socket");
  how->add_flag("--keep-privileges", o.keep_privileges,
                "Run with all rights of root, for a plugin that needs more than CAP_NET_RAW and "
                "CAP_NET_ADMIN, which are kept anyway");
  how->add_option("--contact", o.contact,
                  "Who measures, for those who are measured: a URL or mail address, sent in requests of HTTP")
      ->check(check_contact)
      ->type_name("TEXT");
  how->add_option("--seed", o.seed, "Of random orders")->capture_default_str()->type_name("N");
  how->add_option("--ring", o.ring_mib, "Memory of the capture ring")
      ->check(CLI::Range(1u, 4096u))
      ->capture_default_str()
      ->type_name("MIB");
}

std::string names_of(std::span<const ConnectMode> modes) {
  std::string names;
  for (const ConnectMode mode : modes) names += (names.empty() ? "" : ", ") + std::string(name_of(mode));
  return names;
}

void add_measurement(CLI::App& cli, MeasureOptions& o, Choice& choice) {
  const MeasurementDescription& d = *choice.description;
  choice.command = cli.add_subcommand(d.name, d.description)->fallthrough();
  std::vector<std::string> modes;
  for (const ConnectMode mode : d.connect_supported) modes.emplace_back(name_of(mode));
  if (!modes.empty()) {
    choice.command
        ->add_option("--connect", choice.connect,
                     fmt::format("What a connection is used for: {}", names_of(d.connect_supported)))
        ->check(CLI::IsMember(modes))
        ->default_str(modes.front());
  }
  choice.command->add_option("--timeout", o.timeout_seconds, "As before the measurement's name")
      ->check(number_between(0.01, longest_wait_seconds))
      ->type_name("SECONDS");
  if (choice.measurement->expander() != nullptr) add_expand_options(*choice.command, o.expand);
  add_own_options(*choice.command, *choice.measurement);
}

// One that cannot be made is said, and left out.
std::vector<Choice> choices_of(const Arguments& arguments, const FoundMeasurements& found) {
  std::vector<Choice> choices;
  for (const MeasurementDescription* d : found.measurements) {
    try {
      choices.push_back({d, d->create(), nullptr, {}});
    } catch (const std::exception& problem) {
      fmt::print(stderr, "{}: measurement {} cannot be made: {}\n", arguments.called_as, d->name,
                 problem.what());
    }
  }
  return choices;
}

// Below the list of those that can be used.
std::string unusable(const FoundMeasurements& found) {
  if (found.problems.empty()) return {};
  std::string text = "Plugins that cannot be used:\n";
  for (const std::string& problem : found.problems) text += "  " + problem + '\n';
  return text + '\n';
}

}  // namespace

std::chrono::milliseconds MeasureOptions::connection_timeout() const {
  return as_milliseconds(timeout_seconds);
}

std::chrono::milliseconds MeasureOptions::linger() const { return as_milliseconds(linger_seconds); }

ParsedMeasure parse_measure(const Arguments& arguments, const Registry& registry) {
  ParsedMeasure parsed;
  MeasureOptions& o = parsed.options;
  CLI::App cli("Asks what the path to each target of a list lets through.", arguments.called_as);
  const FoundMeasurements found = find_measurements(registry, arguments.words);
  cli.footer(
      unusable(found) +
      "Examples:\n  spiderling measure -i eth0 ecn < targets.ndjson > results.ndjson\n"
      "  spiderling measure -i eth0 -w 5000 --csv-input ecn --connect https --timeout 3 < targets.csv\n"
      "Needs CAP_NET_RAW to observe and CAP_NET_ADMIN to configure sockets (root has both).\n"
      "Exit status: 0 done, 1 failed while running or interrupted twice, 2 nothing was done.");
  add_input_and_output(cli, o);
  add_how(cli, o);
  add_intake_options(cli, o.intake, true);
  add_survival(cli, o.survival);
  add_evidence_options(cli, o.evidence);
  add_plugin_options(cli);
  std::vector<Choice> choices = choices_of(arguments, found);
  for (Choice& choice : choices) add_measurement(cli, o, choice);
  cli.require_subcommand(1);
  cli.get_formatter()->label("SUBCOMMAND", "PLUGIN ...");
  cli.get_formatter()->label("Subcommands", "Measurements");
  parsed.exit = parse_command_line(cli, arguments);
  if (parsed.exit) {
    const bool is_refused = *parsed.exit != success;
    for (const std::string& problem : found.problems)
      if (is_refused) fmt::print(stderr, "{}: {}\n", arguments.called_as, problem);
    return parsed;
  }
  for (const std::string& note : found.notes) fmt::print(stderr, "{}: {}\n", arguments.called_as, note);
  if (!o.evidence.pcap.empty()) o.output_flows = true;  // else packets could not be compared with anything
  for (Choice& choice : choices) {
    if (!choice.command->parsed()) continue;
    remember_options_of_run(cli, *choice.command, o.survival);
    o.description = choice.description;
    o.measurement = std::move(choice.measurement);
    for (const ConnectMode mode : o.description->connect_supported) {
      if (choice.connect == name_of(mode)) o.mode = mode;
    }
    if (choice.connect.empty() && !o.description->connect_supported.empty()) {
      o.mode = o.description->connect_supported.front();
    }
  }
  const EvidenceOptions& evidence = o.evidence;
  if (o.measurement->expander() != nullptr &&
      (!evidence.pcap.empty() || !evidence.metadata.empty() || evidence.schema)) {
    parsed.exit = refuse_command_line(
        arguments, fmt::format("{} makes jobs, not results: --pcap, --metadata and --schema are not for it",
                               o.description->name));
  }
  return parsed;
}

}  // namespace spiderling::app
