// spiderling sniff, nd-sniff: a kitchen. Packets in, chefs' dumplings out, to a hub or to standard output.
#include <fmt/format.h>

#include "app/command.h"
#include "app/file_sink.h"
#include "app/plugin_options.h"
#include "app/sniff_options.h"
#include "app/stop_signal.h"
#include "host/privileges.h"
#include "kitchen/hello.h"
#include "kitchen/hub_delivery.h"
#include "plugins/chef_modules.h"
#include "websocket/token_file.h"

namespace spiderling::app {

namespace {

constexpr std::uint16_t hub_port = 11347;
constexpr auto status_interval = std::chrono::seconds(5);  // as a hub's

std::chrono::nanoseconds nanoseconds_of(double seconds) {
  return std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

// Those that were named, looked for in the plugin folders too; or, if none was, all that there are.
Result<std::vector<ChefModule>> load_modules(const std::vector<std::string>& names,
                                             const Arguments& arguments) {
  if (names.empty()) {
    const auto registry = find_plugins(arguments);
    if (!registry) return tl::unexpected(registry.error());
    return usual_chef_modules(*registry);
  }
  std::vector<std::string> folders = arguments.plugins.folders;
  std::vector<Refusal> refused;
  if (auto there = check_named_folders(folders, refused); !there) return tl::unexpected(there.error());
  say_refused(arguments, refused);
  for (std::string& usual : usual_plugin_folders()) folders.push_back(std::move(usual));
  std::vector<ChefModule> modules;
  for (const std::string& name : names) {
    const auto loaded = [&](const ChefModule& module) { return module.name == name; };
    if (std::ranges::none_of(modules, loaded)) modules.push_back(load_chef_module(name, folders));
  }
  return modules;
}

// As the original prints it.
int list_chefs(std::vector<ChefModule> modules) {
  std::ranges::sort(modules, {}, &ChefModule::name);
  fmt::print("\n");
  for (const ChefModule& module : modules) {
    fmt::print("{}\n", module.name);
    if (!module.problem.empty()) fmt::print("  error importing module: {}\n", module.problem);
    for (const ChefDescription* chef : module.chefs) fmt::print("  {}\n", chef->name);
    fmt::print("\n");
  }
  return success;
}

// One line at the end: what came in, what was made of it, what was lost and why.
class Closing {
 public:
  void add(std::uint64_t number, std::string_view what, std::string_view key) {
    text_ += fmt::format("{}{} {}", text_.empty() ? "" : ", ", number, what);
    json_ += fmt::format(R"(,"{}":{})", key, number);
  }
  // What is usually zero is left out when it is.
  void add_if_any(std::uint64_t number, std::string_view what, std::string_view key) {
    if (number != 0) add(number, what, key);
  }
  void print(std::string_view called_as, log::Format format, std::chrono::duration<double> elapsed) const {
    if (format == log::Format::text) {
      fmt::print(stderr, "{}: {}; {:.3f} s\n", called_as, text_, elapsed.count());
      return;
    }
    std::string line = log::format_line(format, std::chrono::system_clock::now(), log::Level::info,
                                        "kitchen closed", {{"elapsed_s", elapsed.count()}});
    line.pop_back();
    fmt::print(stderr, "{}{}}}\n", line, json_);
  }

 private:
  std::string text_;
  std::string json_;
};

class SniffRun {
 public:
  SniffRun(const Arguments& arguments, SniffOptions options)
      : called_as_(arguments.called_as), options_(std::move(options)) {}

  int run(const std::vector<ChefModule>& modules) {
    std::vector<std::string> left_out;
    const auto chosen = choose_chefs(modules, options_.chefs, left_out);
    if (!chosen) return refuse(chosen.error());
    for (const std::string& name : left_out) log::warning("chef is marked as unassignable", {{"chef", name}});
    chefs_ = *chosen;
    auto client = client_options();
    if (!client) return refuse(client.error());
    auto source = Source::open(options_.interface, source_options());
    if (!source) return refuse(source.error());
    return options_.output.empty() ? to_hub(**source, std::move(*client)) : to_output(**source);
  }

 private:
  int refuse(const Error& problem) const {
    fmt::print(stderr, "{}: {}\n", called_as_, problem.message);
    return bad_request;
  }

  SourceOptions source_options() const {
    SourceOptions options;
    options.filter = options_.filter;
    options.snap_length = options_.snap_length;
    options.max_frames = options_.count;
    return options;
  }

  Result<ClientOptions> client_options() const {
    ClientOptions client;
    if (!options_.output.empty()) return client;
    const auto endpoint = parse_endpoint(options_.hub, hub_port);
    if (!endpoint) return tl::unexpected(endpoint.error());
    client.endpoint = *endpoint;
    client.tls.ca_file = options_.ca_file;
    if (!options_.token_file.empty()) {
      const auto token = read_token_file(options_.token_file);
      if (!token) return tl::unexpected(token.error());
      client.token = *token;
    }
    client.hello = hello().json();
    client.queue = {options_.buffer_dumplings, options_.buffer_bytes};
    return client;
  }

  KitchenHello hello() const {
    KitchenHello hello{
        options_.kitchen_name, options_.interface, options_.filter, {}, options_.poke_interval_seconds};
    for (const ChosenChef& chosen : chefs_) hello.chefs.push_back(chosen.full_name());
    return hello;
  }

  int to_output(Source& source) {
    auto output = Output::open(options_.output);
    if (!output) return refuse(output.error());
    if (const auto dropped = give_up_rights(source); !dropped) return refuse(dropped.error());
    FileSink sink(*output);
    const StopSignal stop;
    Closing closing;
    const auto cooked = cook(source, sink, stop, closing);
    if (!cooked) return refuse(cooked.error());
    if (output->status() == Output::Status::closed_by_reader) return success;  // | head has seen enough
    close(source, closing);
    if (output->status() == Output::Status::ok) return status_of(*cooked);
    fmt::print(stderr, "{}: cannot write {}; dumplings are missing\n", called_as_, output->reason());
    return failed_while_running;
  }

  int to_hub(Source& source, ClientOptions client) {
    if (const auto dropped = give_up_rights(source); !dropped) return refuse(dropped.error());
    const StopSignal stop;
    HubDeliveryOptions delivery{std::move(client), {}};
    // A trace at its own pace stands for live packets.
    if (!source.live() && options_.pace == Pace::fast)
      delivery.wait_for_room = [&] { return !stop.requested(); };
    HubDelivery hub(std::move(delivery));
    Closing closing;
    const auto cooked = cook(source, hub, stop, closing);
    if (!cooked) return refuse(cooked.error());
    hub.finish(std::chrono::round<std::chrono::milliseconds>(nanoseconds_of(options_.flush_seconds)));
    const HubDeliveryCounters counters = hub.counters();
    closing.add(counters.delivered, "delivered", "delivered");
    closing.add(counters.dropped, "dropped", "dropped");
    closing.add_if_any(counters.undelivered, "undelivered", "undelivered");
    closing.add_if_any(counters.sent_again, "sent again", "sent_again");
    close(source, closing);
    const bool lost_of_trace = !source.live() && counters.dropped + counters.undelivered > 0;
    return lost_of_trace || !counters.ever_connected ? failed_while_running : status_of(*cooked);
  }

  enum class Chefs { some_left, none_left, left_behind };
  int status_of(Chefs chefs) const {
    if (chefs == Chefs::some_left) return success;
    if (chefs == Chefs::left_behind) return failed_while_running;
    fmt::print(stderr, "{}: every chef failed again and again and was set aside; nothing was left to do\n",
               called_as_);
    return failed_while_running;
  }

  Result<void> give_up_rights(const Source& source) const {
    if (!source.live()) return {};
    return drop_privileges();
  }

  KitchenOptions kitchen_options(const Source& source, Watchdog& watchdog, const StopSignal& stop) const {
    KitchenOptions options;
    options.name = options_.kitchen_name;
    options.poke_interval = nanoseconds_of(options_.poke_interval_seconds);
    if (!source.live()) options.time = KitchenOptions::Time::of_packets;
    options.max_failures = {options_.max_failures};
    options.watchdog = &watchdog;
    options.give_up = [&stop] { return stop.requested(); };
    if (options_.kitchen_status.value_or(options_.output.empty())) options.status_interval = status_interval;
    return options;
  }

  Result<Chefs> cook(Source& source, DumplingSink& sink, const StopSignal& stop, Closing& closing) {
    Watchdog watchdog;
    Kitchen kitchen(kitchen_options(source, watchdog, stop), sink);
    for (const ChosenChef& chosen : chefs_) {
      if (auto taken = kitchen.take_on(*chosen.chef); !taken) return tl::unexpected(taken.error());
    }
    ServiceOptions service{source.live(), options_.pace, std::nullopt};
    if (options_.duration_seconds > 0) service.duration = nanoseconds_of(options_.duration_seconds);
    log::info("kitchen opened", {{"kitchen", options_.kitchen_name},
                                 {"interface", options_.interface},
                                 {"filter", options_.filter},
                                 {"chefs", names_of_chefs()},
                                 {"poke_interval", options_.poke_interval_seconds}});
    run_service(source.stream(0), kitchen, service, [&] { return !stop.requested(); });
    source.stop();
    count(source.counters(), kitchen.counters(), closing);
    say_reports(kitchen.reports());
    if (kitchen.counters().left_behind > 0) return Chefs::left_behind;
    return kitchen.all_set_aside() ? Chefs::none_left : Chefs::some_left;
  }

  // Those that failed or blocked in any case.
  static void say_reports(const std::vector<ChefReport>& reports) {
    for (const ChefReport& chef : reports) {
      if (chef.queue && chef.queue->dropped + chef.queue->skipped_pokes > 0) {
        log::warning("a chef lagged behind", {{"chef", chef.chef},
                                              {"packets_dropped", chef.queue->dropped},
                                              {"pokes_skipped", chef.queue->skipped_pokes}});
      }
      for (const HandlerReport& handler : chef.handlers) {
        const HandlerFigures& f = handler.figures;
        const bool is_well = f.failures == 0 && f.blocked == 0;
        log::write(is_well ? log::Level::debug : log::Level::warning, "what a handler did",
                   {{"chef", chef.chef},
                    {"handler", handler.handler},
                    {"calls", f.calls},
                    {"failures", f.failures},
                    {"blocked", f.blocked},
                    {"busy_s", std::chrono::duration<double>(f.busy).count()},
                    {"longest_s", std::chrono::duration<double>(f.longest).count()},
                    {"set_aside", chef.set_aside}});
      }
    }
  }

  std::string names_of_chefs() const {
    std::string names;
    for (const ChosenChef& chosen : chefs_)
      names += fmt::format("{}{}", names.empty() ? "" : ",", chosen.chef->name);
    return names;
  }

  static void count(const SourceCounters& source, const KitchenCounters& kitchen, Closing& closing) {
    closing.add(kitchen.packets, "packets", "packets");
    closing.add(source.kernel_dropped, "lost in capture", "kernel_dropped");
    closing.add(kitchen.malformed, "malformed", "malformed");
    closing.add_if_any(source.filtered, "filtered out", "filtered");
    closing.add_if_any(source.malformed, "unreadable records", "unreadable");
    closing.add_if_any(source.unknown_link, "of unknown link type", "unknown_link");
    closing.add_if_any(kitchen.failures, "failures of chefs", "failures");
    closing.add_if_any(kitchen.set_aside, "chefs set aside", "set_aside");
    closing.add_if_any(kitchen.skipped_pokes, "pokes skipped", "skipped_pokes");
    closing.add_if_any(kitchen.forgotten, "entries forgotten by chefs", "forgotten");
    closing.add_if_any(kitchen.remote_dropped, "dropped before slow chefs", "dropped_by_chefs");
    closing.add_if_any(kitchen.left_behind, "left behind with chefs", "left_behind");
    closing.add(kitchen.dumplings.made, "dumplings", "dumplings");
    closing.add_if_any(kitchen.dumplings.unwritable, "that JSON cannot say", "unwritable");
    closing.add_if_any(kitchen.dumplings.too_large, "too large", "too_large");
  }

  void close(const Source& source, const Closing& closing) const {
    for (const std::string& warning : source.warnings()) log::warning(warning);
    closing.print(called_as_, options_.log_format, std::chrono::steady_clock::now() - started_);
  }

  std::string called_as_;
  SniffOptions options_;
  std::vector<ChosenChef> chefs_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

int sniff(const Arguments& arguments) {
  const ParsedSniff parsed = parse_sniff(arguments);
  if (parsed.exit) return *parsed.exit;
  log::configure(parsed.options.log_level, parsed.options.log_format);
  const auto modules = load_modules(parsed.options.chef_modules, arguments);
  if (!modules) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, modules.error().message);
    return bad_request;
  }
  if (parsed.options.chef_list) return list_chefs(*modules);
  return SniffRun(arguments, parsed.options).run(*modules);
}

}  // namespace spiderling::app
