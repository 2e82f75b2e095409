#include "app/sniff_options.h"

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/plugin_options.h"
#include "plugins/chef_modules.h"

namespace spiderling::app {

namespace {

void add_original_options(CLI::App& cli, SniffOptions& o) {
  cli.add_option("-n,--kitchen-name", o.kitchen_name, "Name of this kitchen, in every dumpling")
      ->capture_default_str()
      ->type_name("NAME");
  cli.add_option("-h,--hub", o.hub,
                 "Where the hub takes dumplings: HOST:PORT, ws://HOST:PORT, or wss://HOST:PORT with TLS")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  cli.add_option("-i,--interface", o.interface,
                 "An interface, all for every interface, a trace (pcap or pcapng, also as .gz or .zst), or - "
                 "for a trace "
                 "on standard input")
      ->capture_default_str()
      ->type_name("IFACE|FILE");
  cli.add_option("-f,--filter", o.filter, "Only packets that match a libpcap filter expression; '' for all")
      ->capture_default_str()
      ->type_name("EXPR");
  cli.add_option("-m,--chef-module", o.chef_modules,
                 fmt::format("Where chefs are: a module of Python, its file or a folder of such; a shared "
                             "object, or its name "
                             "in the current folder or one of plugins; {}; repeatable (the last, and all of "
                             "the plugin folders)",
                             builtin_chef_module))
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("MODULE");
  cli.add_option("-c,--chef", o.chefs, "A chef of these modules; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("CHEF");
  cli.add_flag("-l,--chef-list", o.chef_list, "List the chefs there are, and exit");
  cli.add_option("-p,--poke-interval", o.poke_interval_seconds, "Seconds between two pokes of the chefs")
      ->check(number_between(0.001, longest_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
}

void add_chef_options(CLI::App& cli, SniffOptions& o) {
  auto* chefs = cli.add_option_group("Chefs");
  chefs
      ->add_option("--max-failures", o.max_failures,
                   "Failures of a handler, one after the other, after which its chef is set aside: it gets "
                   "nothing more, the others go on; 0: it goes on, too")
      ->check(count_from(0))
      ->capture_default_str()
      ->type_name("N");
  // As a function: an optional would be false when the flag is not given.
  chefs->add_flag_function(
      "--kitchen-status,!--no-kitchen-status", [&o](std::int64_t given) { o.kitchen_status = given > 0; },
      "Whether to send, every five seconds, a dumpling of KitchenStatusChef: how often each handler ran, "
      "failed, and "
      "for how long, for the hub's status and metrics (yes to a hub, no to --output)");
}

void add_input_options(CLI::App& cli, SniffOptions& o) {
  auto* input = cli.add_option_group("Input");
  input
      ->add_option("--pace", o.pace,
                   "How fast a trace is read: as its packets came, or as fast as it goes. Intervals are of "
                   "the packets' "
                   "time either way")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Pace>{{"original", Pace::original}, {"fast", Pace::fast}}))
      ->default_str("fast")
      ->type_name("original|fast");
  input->add_option("--count", o.count, "Stop after so many packets")->check(count_from(1))->type_name("N");
  input
      ->add_option("--duration", o.duration_seconds,
                   "Stop after so many seconds (of a trace: of its own time)")
      ->check(number_between(0.001, longest_seconds))
      ->type_name("SECONDS");
  input->add_option("--snaplen", o.snap_length, "Bytes of each packet to look at")
      ->check(CLI::Range(64u, 262144u))
      ->capture_default_str()
      ->type_name("BYTES");
}

void add_output_options(CLI::App& cli, SniffOptions& o, std::string& level, std::string& format) {
  auto* output = cli.add_option_group("Output");
  output
      ->add_option("--output", o.output,
                   "Write dumplings here, one a line, instead of to a hub; - is standard output")
      ->type_name("FILE");
  output
      ->add_option(
          "--buffer-dumplings", o.buffer_dumplings,
          "Dumplings that wait while the hub is away or slow. When it is full, new ones of live packets are "
          "dropped, and counted; a trace waits")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}))
      ->capture_default_str()
      ->type_name("N");
  output->add_option("--buffer-bytes", o.buffer_bytes, "The same in bytes (K, M and G may follow)")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str()
      ->type_name("BYTES");
  output->add_option("--flush", o.flush_seconds, "Seconds at the end to deliver what waits")
      ->check(number_between(0.0, 3600.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  output->add_option("--token-file", o.token_file, "A file with the hub's token")->type_name("FILE");
  output->add_option("--ca-file", o.ca_file, "Certificates to trust for wss:// (the system's)")
      ->type_name("PEM");

  auto* logs = cli.add_option_group("Log");
  logs->add_option("--log-level", level, "debug, info, warning, error or off")
      ->capture_default_str()
      ->type_name("LEVEL");
  logs->add_option("--log-format", format, "text or json")->capture_default_str()->type_name("FORMAT");
}

}  // namespace

ParsedSniff parse_sniff(const Arguments& arguments) {
  ParsedSniff parsed;
  SniffOptions& o = parsed.options;
  const auto refuse = [&](std::string_view problem) {
    parsed.exit = refuse_command_line(arguments, problem);
  };
  CLI::App cli("A dumpling kitchen: gives packets to chefs, and their dumplings to a hub, or prints them.",
               arguments.called_as);
  cli.set_help_flag("--help", "Print this help and exit");
  cli.set_version_flag("--version", fmt::format("spiderling {}", SPIDERLING_VERSION),
                       "Print the version and exit");
  cli.footer(
      "Examples:\n  nd-sniff -i trace.pcap --output -\n  nd-sniff -i eth0 -f 'udp port 53' -c DNSLookupChef\n"
      "Exit status: 0 done, 1 failed while running or not all could be delivered, 2 nothing was done.");
  std::string level = "info", format = "text";
  add_original_options(cli, o);
  add_chef_options(cli, o);
  add_input_options(cli, o);
  add_output_options(cli, o, level, format);
  add_plugin_options(cli);
  parsed.exit = parse_command_line(cli, arguments);
  if (parsed.exit) return parsed;
  const auto log_level = log::parse_level(level);
  const auto log_format = log::parse_format(format);
  if (!log_level)
    refuse(log_level.error().message);
  else if (!log_format)
    refuse(log_format.error().message);
  else if (!o.output.empty() && cli.count("--hub") > 0)
    refuse("--output is instead of a --hub");
  if (parsed.exit) return parsed;
  o.log_level = *log_level;
  o.log_format = *log_format;
  // --plugin is another word for --chef-module, so that it means the same in every command.
  o.chef_modules.insert(o.chef_modules.end(), arguments.plugins.files.begin(), arguments.plugins.files.end());
  return parsed;
}

}  // namespace spiderling::app
