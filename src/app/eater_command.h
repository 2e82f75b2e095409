// What nd-print, nd-hubstatus and nd-hubdetails have in common.
#pragma once

#include <optional>
#include <string>

#include "app/command.h"
#include "app/output.h"
#include "app/stop_signal.h"
#include "spiderling/eater.h"

namespace CLI {
class App;
}

namespace spiderling::app {

struct EaterCommandOptions {
  EaterOptions eater;
  std::string token_file;
  std::optional<bool> color;  ///< none said: on a terminal
};

/// -h/--hub, -n/--eater-name, --color/--no-color, --token-file, --ca-file, --reconnect/--no-reconnect,
/// --version, --help.
void add_eater_options(CLI::App& cli, EaterCommandOptions& options, const std::string& default_name);
/// An exit status if help or the version was printed, or something is wrong, which was said.
std::optional<int> parse_eater_options(CLI::App& cli, const Arguments& arguments,
                                       EaterCommandOptions& options);

/// --color, --no-color, or whether it is a terminal and NO_COLOR is not set.
bool wants_color(const EaterCommandOptions& options, const Output& output);

/// An eater that writes text, which SIGINT and SIGTERM end.
class CommandEater : public Eater {
 public:
  CommandEater(const Arguments& arguments, EaterOptions options, Output& output)
      : Eater(std::move(options)), output_(output), called_as_(arguments.called_as) {}

  /// The exit status of the command; what went wrong is said on standard error.
  int run_command(std::optional<std::uint64_t> count = std::nullopt);

  void on_connect(const std::string& hub_uri) override;
  void on_pause() override { write_out(); }
  void on_connection_lost(const std::string& why, std::chrono::milliseconds next_try) override;
  void on_connection_failed(const std::string& problem, std::chrono::milliseconds next_try) override;
  void on_tick() override;

 protected:
  /// What is printed when a connection came about; the messages of a lost connection are printed too unless
  /// this is empty.
  virtual std::string greeting(const std::string& /*hub_uri*/) { return {}; }
  /// Gathers text; it is written when nothing more has come, or there is much of it.
  void print(std::string_view text);
  void say(std::string_view line) const;
  bool stop_requested() const { return signal_.requested(); }

 private:
  void write_out();

  Output& output_;
  const std::string called_as_;
  StopSignal signal_;
  std::string text_;
  std::string last_problem_;
  bool was_connected_ = false;
  bool talks_ = false;
};

}  // namespace spiderling::app
