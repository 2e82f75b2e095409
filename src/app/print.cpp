// spiderling print, nd-print: what comes from a hub, on standard output or into a store.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/command_line.h"
#include "app/eater_command.h"
#include "eaters/printable.h"
#include "eaters/store.h"

namespace spiderling::app {

namespace {

struct PrintOptions {
  EaterCommandOptions common;
  PrintStyle style;
  bool ndjson = false;
  std::string store;
  StoreOptions store_options;
  std::uint64_t count = 0;
};

void add_print_options(CLI::App& cli, PrintOptions& o) {
  add_eater_options(cli, o.common, "printereater");
  EaterOptions& eater = o.common.eater;
  cli.add_option("-c,--chef", eater.chefs, "Only dumplings of this chef; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("CHEF");
  cli.add_option("-k,--kitchen", eater.kitchens, "Only dumplings from this kitchen; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("KITCHEN");
  cli.add_flag("--interval-dumplings,!--no-interval-dumplings", eater.interval_dumplings,
               "Dumplings that chefs make at intervals (yes)");
  cli.add_flag("--packet-dumplings,!--no-packet-dumplings", eater.packet_dumplings,
               "Dumplings that chefs make of packets (yes)");
  cli.add_flag("--payload,!--no-payload", o.style.payload, "Print payloads (yes)");
  cli.add_flag("--ndjson", o.ndjson, "Print each dumpling as it came, as one line of JSON");
  cli.add_option("--store", o.store,
                 "Add dumplings to an SQLite file instead of printing them (with --ndjson: as well); waits "
                 "for a hub that "
                 "is not there yet")
      ->type_name("FILE.db");
  cli.add_option("--keep", o.store_options.keep, "Of what is stored, keep only the newest so many (all)")
      ->check(count_from(1))
      ->type_name("N");
  cli.add_option("--count", o.count, "Stop after so many dumplings")->check(count_from(1))->type_name("N");
}

class Printer final : public CommandEater {
 public:
  Printer(const Arguments& arguments, const PrintOptions& options, Output& output, Store* store)
      : CommandEater(arguments, options.common.eater, output),
        ndjson_(options.ndjson),
        style_(options.style),
        store_(store) {}

  void on_dumpling(const EatenDumpling& dumpling) override {
    if (store_ != nullptr)
      store_->add(dumpling, [this] { return stop_requested() || !store_->problem().empty(); });
    if (ndjson_) {
      print(one_line(dumpling.json));
    } else if (store_ == nullptr) {
      print(printable_dumpling(dumpling, style_));
    }
  }
  void on_pause() override {
    CommandEater::on_pause();
    if (store_ != nullptr) store_->flush([this] { return stop_requested() || !store_->problem().empty(); });
  }
  void on_tick() override {
    CommandEater::on_tick();
    if (store_ != nullptr && !store_->problem().empty()) stop();
  }

 protected:
  std::string greeting(const std::string& hub_uri) override {
    if (ndjson_ || store_ != nullptr) return {};
    return fmt::format("Connected to nd-hub at {}\nWaiting for dumplings...\n\n", hub_uri);
  }

 private:
  const bool ndjson_;
  const PrintStyle style_;
  Store* const store_;
};

// The last words of a run with --store, and its exit status.
int close_store(const Arguments& arguments, Store& store, int status) {
  store.finish();
  const StoreCounters counters = store.counters();
  fmt::print(stderr, "{}: {} dumplings, {} stored, {} dropped, {} failed\n", arguments.called_as,
             counters.taken, counters.stored, counters.dropped, counters.failed);
  if (store.problem().empty()) return status;
  fmt::print(stderr, "{}: {}\n", arguments.called_as, store.problem());
  return failed_while_running;
}

}  // namespace

int print(const Arguments& arguments) {
  PrintOptions options;
  CLI::App cli("A dumpling eater: prints the dumplings that come from a hub.", arguments.called_as);
  cli.footer(
      "Examples:\n  nd-print -c DNSLookupChef\n  nd-print --ndjson > dumplings.ndjson\n"
      "  nd-print --store dumplings.db\n"
      "Exit status: 0 done, 1 failed while running, 2 nothing was done.");
  add_print_options(cli, options);
  if (const auto status = parse_eater_options(cli, arguments, options.common)) return *status;
  auto output = Output::open("-");
  options.style.color = wants_color(options.common, *output);
  std::unique_ptr<Store> store;
  if (!options.store.empty()) {
    auto opened = Store::open(options.store, options.store_options);
    if (!opened) {
      fmt::print(stderr, "{}: {}\n", arguments.called_as, opened.error().message);
      return bad_request;
    }
    store = std::move(*opened);
    options.common.eater.wait_for_hub = options.common.eater.reconnect;
  }
  Printer printer(arguments, options, *output, store.get());
  const int status = printer.run_command(options.count > 0 ? std::optional(options.count) : std::nullopt);
  return store ? close_store(arguments, *store, status) : status;
}

}  // namespace spiderling::app
