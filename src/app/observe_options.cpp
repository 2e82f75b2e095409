#include "app/observe_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command_line.h"
#include "app/plugin_options.h"
#include "app/plugin_reference.h"
#include "dumplings/flow_record_json.h"
#include "plugins/registry.h"

namespace spiderling::app {

namespace {

void add_options(CLI::App& cli, ObserveOptions& o) {
  cli.add_option("chains", o.chains, "Flow analyses to run, in the order of their fields (basic)")
      ->type_name("CHAIN");

  auto* input = cli.add_option_group("Input");
  input
      ->add_option(
          "-i,--interface,--input", o.input,
          "A trace (pcap or pcapng, also as .gz or .zst), - for standard input, an interface, or all for "
          "every interface (the interface of the default route)")
      ->type_name("FILE|IFACE");
  input->add_option("--filter", o.filter, "Only packets that match a libpcap filter expression")
      ->type_name("EXPR");
  input->add_option("--snaplen", o.snap_length, "Bytes of each packet to look at")
      ->check(CLI::Range(64u, 262144u))
      ->capture_default_str()
      ->type_name("BYTES");
  input->add_flag_callback(
      "--no-promiscuous", [&o] { o.promiscuous = false; }, "Leave the interface's promiscuous mode alone");
  input->add_option("--count", o.count, "Stop after so many packets")->check(count_from(1))->type_name("N");
  input
      ->add_option("--duration", o.duration_seconds,
                   "Stop after so many seconds (of a trace: of its own time)")
      ->check(number_between(0.001, longest_seconds))
      ->type_name("SECONDS");

  auto* output = cli.add_option_group("Output");
  output->add_option("--output", o.output, "Write flow records to a file (standard output)")
      ->type_name("FILE");
  output->add_option("--write", o.write, "Keep the packets seen, as pcap, or as pcapng by a name in .pcapng")
      ->type_name("FILE");
  output->add_flag("--verbose", o.verbose,
                   "Say on standard error what is run, what each shard saw, and what each chain did");

  add_hub_target(cli, o.hub, "flow records, as dumplings of chef FlowObserver", cli.get_option("--output"));

  auto* flows = cli.add_option_group("Flows");
  flows
      ->add_option("--idle-timeout", o.idle_timeout_seconds,
                   "Seconds without a packet after which a flow is complete")
      ->check(number_between(0.001, longest_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
  flows
      ->add_option("--expiry-timeout", o.expiry_timeout_seconds,
                   "Seconds for which a complete flow still collects packets")
      ->check(number_between(0.0, longest_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
  flows->add_option("--max-flows", o.max_flows, "Flows to hold at once; above it, some are emitted early")
      ->check(CLI::Range(1u, 500'000'000u))
      ->capture_default_str()
      ->type_name("N");
  flows
      ->add_option("--max-failures", o.max_failures,
                   "Failures of a chain's hook, one after the other, after which the chain is set aside, and "
                   "the others "
                   "go on; 0: it goes on, too")
      ->check(count_from(0))
      ->capture_default_str()
      ->type_name("N");
  flows->add_option("--shards", o.shards, "Threads to spread the flows over; the records stay the same")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str()
      ->type_name("N");

  add_plugin_options(cli);
  auto* about = cli.add_option_group("About chains");
  about->add_flag("--list-chains", o.list_chains, "List the chains there are");
  auto* describe = about->add_option("--describe", o.described, "Tell the fields of these chains, or of all")
                       ->expected(0, CLI::detail::expected_max_vector_size)
                       ->type_name("[CHAIN...]");
  describe->each([&](const std::string&) { o.describe = true; });
  about->add_flag("--schema", o.schema, "Print the JSON schema of the records that the chains give");
}

}  // namespace

ParsedObserve parse_observe(const Arguments& arguments) {
  ParsedObserve parsed;
  ObserveOptions& o = parsed.options;
  CLI::App cli(
      "Reads packets from a trace or an interface, assigns them to flows, and writes one JSON record a flow.",
      arguments.called_as);
  cli.footer(
      "Examples:\n  spiderling observe -i trace.pcap basic tcp ecn\n"
      "  spiderling observe -i eth0 --filter 'tcp port 443' --duration 60 basic tcp > flows.ndjson\n"
      "Exit status: 0 done, 1 failed while running, 2 nothing was done.");
  add_options(cli, o);
  parsed.exit = parse_command_line(cli, arguments);
  if (cli.count("--describe") > 0) o.describe = true;
  std::erase(o.described, "");  // what CLI11 gives for --describe without a name
  if (o.chains.empty()) o.chains = {"basic"};
  return parsed;
}

namespace {

void describe(const ChainDescription& chain) {
  fmt::print("{}: {}\n", chain.name, chain.description);
  for (const Field& field : chain.fields) {
    fmt::print("  {:<24} {:<14} {}\n", field.name, type_of(field), field.meaning);
  }
}

}  // namespace

int answer_about_chains(const Arguments& arguments, const Registry& registry, const ObserveOptions& options) {
  const auto fail = [&](const Error& problem) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, problem.message);
    return bad_request;
  };
  if (options.list_chains) {
    for (const auto* chain : registry.chains()) fmt::print("{:<8} {}\n", chain->name, chain->description);
    return success;
  }
  if (options.describe) {
    const auto chains = options.described.empty()
                            ? Result<std::vector<const ChainDescription*>>(registry.chains())
                            : registry.chains(options.described);
    if (!chains) return fail(chains.error());
    for (const auto* chain : *chains) describe(*chain);
    return success;
  }
  const auto chains = registry.chains(options.chains);
  if (!chains) return fail(chains.error());
  const auto set = ChainSet::make(*chains);
  if (!set) return fail(set.error());
  fmt::print("{}", flow_record_schema(*set));
  return success;
}

}  // namespace spiderling::app
