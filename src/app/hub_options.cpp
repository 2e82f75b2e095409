#include "app/hub_options.h"

#include <fmt/format.h>

#include "app/command_line.h"
#include "hub/access.h"

namespace spiderling::app {

namespace {

constexpr double longest_hub_seconds = 1e7;

// As they stand on the command line.
struct Words {
  std::string token_file;
  std::string slow_eater = "drop";
  std::string log_level = "info";
  std::string log_format = "text";
  double status_freq = 5;
  double hello_timeout = 10;
  double ping_every = 20;
  double ping_timeout = 20;
  double stuck_timeout = 900;
};

void add_listening(CLI::App& cli, HubOptions& o, Words& words) {
  auto* group = cli.add_option_group("Listening");
  group->add_option("-a,--address", o.address, "Name or address to listen on")
      ->capture_default_str()
      ->type_name("HOST");
  group->add_option("-i,--in-port", o.in_port, "Port for kitchens; 0: any free one")
      ->capture_default_str()
      ->type_name("PORT");
  group
      ->add_option("-o,--out-port", o.out_port,
                   "Port for eaters, and HTTP: /healthz, /status, /metrics; 0: any free one")
      ->capture_default_str()
      ->type_name("PORT");
  group->add_option("-f,--status-freq", words.status_freq, "Seconds from one status dumpling to the next")
      ->check(number_between(0.01, longest_hub_seconds))
      ->capture_default_str()
      ->type_name("SECONDS");
}

void add_access(CLI::App& cli, HubOptions& o, Words& words) {
  auto* group = cli.add_option_group("Who may connect");
  group
      ->add_option("--token-file", words.token_file,
                   "Only who sends the token in this file (Authorization: Bearer TOKEN, or ?token=TOKEN)")
      ->type_name("FILE");
  group->add_flag("--insecure", o.insecure, "Permit an address that other machines reach without a token");
  group
      ->add_option("--tls-cert", o.tls_cert,
                   "Speak TLS on both ports, with this certificate (PEM, the whole chain)")
      ->type_name("FILE");
  group->add_option("--tls-key", o.tls_key, "The certificate's key (PEM)")->type_name("FILE");
  group
      ->add_option("--allow-origin", o.allowed_origins,
                   "Permit web pages of this origin, as https://example.org; null: pages from files; *: all. "
                   "Repeatable")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
}

void add_limits(CLI::App& cli, HubOptions& o, Words& words) {
  auto* group = cli.add_option_group("Limits");
  group
      ->add_option(
          "--slow-eater", words.slow_eater,
          "When an eater's queue is full: drop its oldest dumplings and count them, or disconnect it")
      ->check(CLI::IsMember({"drop", "disconnect"}))
      ->capture_default_str()
      ->type_name("drop|disconnect");
  group->add_option("--eater-queue", o.eater_queue.dumplings, "Dumplings that an eater may lag behind")
      ->check(CLI::Range(1u, 100'000'000u))
      ->capture_default_str()
      ->type_name("N");
  group
      ->add_option("--eater-queue-bytes", o.eater_queue.bytes,
                   "Bytes that it may lag behind; all eaters share them")
      ->check(CLI::Range(std::uint64_t{4096}, std::uint64_t{1} << 40))
      ->capture_default_str()
      ->type_name("BYTES");
  group
      ->add_option("--max-message", o.max_message_bytes,
                   "Bytes of a dumpling; a longer one ends its connection")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30))
      ->capture_default_str()
      ->type_name("BYTES");
  group->add_option("--max-kitchens", o.max_kitchens, "Kitchens at once")
      ->capture_default_str()
      ->type_name("N");
  group->add_option("--max-eaters", o.max_eaters, "Eaters at once")->capture_default_str()->type_name("N");
  group
      ->add_option("--max-waiting", o.max_waiting,
                   "Connections without a hello; above it the oldest is closed")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str()
      ->type_name("N");
  const auto seconds = [&](const char* name, double& value, const char* meaning) {
    group->add_option(name, value, meaning)
        ->check(number_between(0.01, longest_hub_seconds))
        ->capture_default_str()
        ->type_name("SECONDS");
  };
  seconds("--hello-timeout", words.hello_timeout, "From the connection to its hello");
  seconds("--ping-every", words.ping_every, "Of silence, after which a client is asked whether it is there");
  seconds("--ping-timeout", words.ping_timeout, "For its answer");
  seconds("--stuck-timeout", words.stuck_timeout, "After which an eater that takes no byte is closed");
}

void add_log(CLI::App& cli, Words& words) {
  auto* group = cli.add_option_group("Log, on standard error, in UTC");
  group->add_option("--log-level", words.log_level, "debug, info, warning, error or off")
      ->capture_default_str()
      ->type_name("LEVEL");
  group->add_option("--log-format", words.log_format, "text or json")
      ->capture_default_str()
      ->type_name("FORMAT");
}

Result<void> apply(const Words& words, ParsedHub& parsed) {
  const auto level = log::parse_level(words.log_level);
  if (!level) return tl::unexpected(level.error());
  const auto format = log::parse_format(words.log_format);
  if (!format) return tl::unexpected(format.error());
  parsed.log_level = *level;
  parsed.log_format = *format;
  HubOptions& o = parsed.options;
  o.slow_eater = words.slow_eater == "drop" ? SlowEater::drop : SlowEater::disconnect;
  o.status_freq = as_milliseconds(words.status_freq);
  o.hello_timeout = as_milliseconds(words.hello_timeout);
  o.ping_every = as_milliseconds(words.ping_every);
  o.ping_timeout = as_milliseconds(words.ping_timeout);
  o.stuck_timeout = as_milliseconds(words.stuck_timeout);
  if (words.token_file.empty()) return {};
  auto token = read_hub_token_file(words.token_file);
  if (!token) return tl::unexpected(token.error());
  o.token = std::move(*token);
  return {};
}

}  // namespace

ParsedHub parse_hub(const Arguments& arguments) {
  ParsedHub parsed;
  Words words;
  CLI::App cli("Takes dumplings from kitchens and sends each to every eater.", arguments.called_as);
  cli.footer(
      "Eaters may name what they want in their hello: \"chefs\", \"kitchens\", \"drivers\" (lists).\n"
      "Examples:\n  spiderling hub\n  spiderling hub --address 0.0.0.0 --token-file token --tls-cert c.pem "
      "--tls-key k.pem\n"
      "  curl http://localhost:11348/status\n"
      "Exit status: 0 ended by SIGINT or SIGTERM, 1 failed while running, 2 nothing was done.");
  add_listening(cli, parsed.options, words);
  add_access(cli, parsed.options, words);
  add_limits(cli, parsed.options, words);
  add_log(cli, words);
  cli.set_help_flag("--help", "Print this help message and exit");
  cli.set_version_flag("--version", "spiderling " SPIDERLING_VERSION, "Print the version and exit");
  parsed.exit = parse_command_line(cli, arguments);
  if (parsed.exit) return parsed;
  if (const auto applied = apply(words, parsed); !applied) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, applied.error().message);
    parsed.exit = bad_request;
  }
  return parsed;
}

}  // namespace spiderling::app
