// spiderling status, nd-hubstatus, and spiderling details, nd-hubdetails: how a hub is.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/eater_command.h"
#include "eaters/pretty_json.h"
#include "eaters/printable.h"

namespace spiderling::app {

namespace {

constexpr const char* status_chef = "SystemStatusChef";

class StatusEater final : public CommandEater {
 public:
  StatusEater(const Arguments& arguments, const EaterOptions& options, Output& output, bool color)
      : CommandEater(arguments, options, output), color_(color) {}

  void on_dumpling(const EatenDumpling& dumpling) override {
    print("\r" + status_line(dumpling.payload, std::chrono::system_clock::now(), color_));
  }

 protected:
  std::string greeting(const std::string& hub_uri) override {
    return fmt::format("nd-hub status from {}\nWaiting for data... ", hub_uri);
  }

 private:
  const bool color_;
};

class DetailsEater final : public CommandEater {
 public:
  DetailsEater(const Arguments& arguments, const EaterOptions& options, Output& output, bool color)
      : CommandEater(arguments, options, output), color_(color) {}

  void on_dumpling(const EatenDumpling& dumpling) override {
    print(fmt::format("\n{}\n\n", pretty_json(dumpling.payload, color_)));
  }

 protected:
  std::string greeting(const std::string& hub_uri) override {
    return fmt::format("Connected to nd-hub at {}\nWaiting for a SystemStatus dumpling...\n", hub_uri);
  }

 private:
  const bool color_;
};

}  // namespace

int status(const Arguments& arguments) {
  EaterCommandOptions options;
  CLI::App cli("A dumpling eater: shows how a hub is, in one line that is redrawn.", arguments.called_as);
  add_eater_options(cli, options, "statuseater");
  if (const auto exit = parse_eater_options(cli, arguments, options)) return *exit;
  options.eater.chefs = {status_chef};
  auto output = Output::open("-");
  StatusEater eater(arguments, options.eater, *output, wants_color(options, *output));
  const int exit = eater.run_command();
  if (output->is_terminal()) output->write("\n");  // the shell's prompt is to have a line of its own
  return exit;
}

int details(const Arguments& arguments) {
  EaterCommandOptions options;
  CLI::App cli("A dumpling eater: prints the next status of a hub, whole.", arguments.called_as);
  add_eater_options(cli, options, "detailseater");
  if (const auto exit = parse_eater_options(cli, arguments, options)) return *exit;
  options.eater.chefs = {status_chef};
  auto output = Output::open("-");
  DetailsEater eater(arguments, options.eater, *output, wants_color(options, *output));
  return eater.run_command(1);
}

}  // namespace spiderling::app
