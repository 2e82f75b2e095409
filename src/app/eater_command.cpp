#include "app/eater_command.h"

#include <cstdlib>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/output.h"
#include "websocket/endpoint.h"
#include "websocket/token_file.h"

namespace spiderling::app {

namespace {}  // namespace

void add_eater_options(CLI::App& cli, EaterCommandOptions& o, const std::string& default_name) {
  o.eater.name = default_name;
  cli.set_help_flag("--help", "Print this help and exit");
  cli.set_version_flag("--version", fmt::format("spiderling {}", SPIDERLING_VERSION),
                       "Print the version and exit");
  cli.add_option("-h,--hub", o.eater.hub, "Where the hub sends dumplings from; wss://HOST:PORT with TLS")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  cli.add_option("-n,--eater-name", o.eater.name, "Name of this eater, for the hub's status")
      ->capture_default_str()
      ->type_name("NAME");
  cli.add_flag_callback(
      "--color", [&o] { o.color = true; }, "Print in colour, also where it is no terminal");
  cli.add_flag_callback(
      "--no-color", [&o] { o.color = false; }, "Print without colour");
  cli.add_option("--token-file", o.token_file, "File with the token that the hub wants to see")
      ->type_name("FILE");
  cli.add_option("--ca-file", o.eater.ca_file,
                 "PEM file of the authorities to trust for wss:// (the system's)")
      ->type_name("FILE");
  cli.add_flag("--reconnect,!--no-reconnect", o.eater.reconnect,
               "After a lost connection, connect again (yes)");
}

std::optional<int> parse_eater_options(CLI::App& cli, const Arguments& arguments, EaterCommandOptions& o) {
  const auto refuse = [&](std::string_view problem) { return refuse_command_line(arguments, problem); };
  if (const auto exit = parse_command_line(cli, arguments)) return exit;
  if (const auto endpoint = parse_endpoint(o.eater.hub, 11348); !endpoint)
    return refuse(endpoint.error().message);
  if (!o.token_file.empty()) {
    const auto token = read_token_file(o.token_file);
    if (!token) return refuse(token.error().message);
    o.eater.token = *token;
  }
  return std::nullopt;
}

bool wants_color(const EaterCommandOptions& options, const Output& output) {
  if (options.color) return *options.color;
  const char* no_color = std::getenv("NO_COLOR");
  return output.is_terminal() && (no_color == nullptr || *no_color == '\0');
}

int CommandEater::run_command(std::optional<std::uint64_t> count) {
  const EaterResult result = run(count);
  write_out();
  if (result.invalid > 0) say(fmt::format("{} messages were no dumplings, and were skipped", result.invalid));
  if (output_.status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
  if (output_.status() == Output::Status::failed) {
    say(fmt::format("cannot write {}", output_.reason()));
    return failed_while_running;
  }
  if (result.problem.empty()) return success;
  say(result.problem);
  return was_connected_ ? failed_while_running : bad_request;
}

void CommandEater::on_connect(const std::string& hub_uri) {
  was_connected_ = true;
  last_problem_.clear();
  const std::string text = greeting(hub_uri);
  talks_ = !text.empty();
  print(text);
  if (!talks_) say(fmt::format("connected to {}", hub_uri));
  write_out();
}

void CommandEater::on_connection_lost(const std::string& why, std::chrono::milliseconds next_try) {
  if (talks_) print(fmt::format("\nLost connection to nd-hub: {}\n", why));
  write_out();
  if (next_try.count() == 0) return;  // run_command() says it
  say(fmt::format("lost the connection ({}), connecting again", why));
}

void CommandEater::on_connection_failed(const std::string& problem, std::chrono::milliseconds) {
  if (problem == last_problem_) return;
  last_problem_ = problem;
  say(fmt::format("{}; trying again and again", problem));
}

void CommandEater::on_tick() {
  if (signal_.requested()) stop();
}

void CommandEater::print(std::string_view text) {
  text_ += text;
  if (text_.size() >= write_at_once) write_out();
}

void CommandEater::write_out() {
  if (text_.empty()) return;
  if (output_.write(text_) != Output::Status::ok) stop();
  text_.clear();
}

void CommandEater::say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", called_as_, line); }

}  // namespace spiderling::app
