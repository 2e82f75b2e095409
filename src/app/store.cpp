// spiderling store query: dumplings out of a file that nd-print --store made.
#include <unistd.h>
#include <cstdlib>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/output.h"
#include "app/stop_signal.h"
#include "dumplings/dumpling.h"
#include "eaters/printable.h"
#include "eaters/store_query.h"

namespace spiderling::app {

namespace {

struct QueryOptions {
  std::string file;
  std::string since, until;
  StoreQuery query;
  std::uint64_t limit = 0;
  bool ndjson = false;
  bool color = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  bool payload = true;
};

void add_query_options(CLI::App& cli, QueryOptions& o) {
  cli.add_option("file", o.file, "A file that nd-print --store made")->required()->type_name("FILE.db");
  constexpr const char* time =
      "2026-11-22T02:15:00 (local; UTC with Z behind it), seconds since 1970, or 15m, 2h, 7d ago";
  cli.add_option("--since", o.since, fmt::format("Dumplings made at or after this time: {}", time))
      ->type_name("TIME");
  cli.add_option("--until", o.until, "Dumplings made before this time")->type_name("TIME");
  cli.add_option("-c,--chef", o.query.chefs, "Only dumplings of this chef; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("CHEF");
  cli.add_option("-k,--kitchen", o.query.kitchens, "Only dumplings from this kitchen; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("KITCHEN");
  cli.add_option("--limit", o.limit, "Only the newest so many of these")
      ->check(count_from(1))
      ->type_name("N");
  cli.add_flag("--ndjson", o.ndjson, "Print each dumpling as it came, as one line of JSON");
  cli.add_flag("--payload,!--no-payload", o.payload, "Print payloads (yes)");
  cli.add_flag("--color,!--no-color", o.color, "Print in colour (on a terminal)");
}

Result<void> read_times(QueryOptions& o) {
  const auto now = std::chrono::system_clock::now();
  if (!o.since.empty()) {
    const auto time = parse_time(o.since, now);
    if (!time) return tl::unexpected(time.error());
    o.query.since = *time;
  }
  if (!o.until.empty()) {
    const auto time = parse_time(o.until, now);
    if (!time) return tl::unexpected(time.error());
    o.query.until = *time;
  }
  if (o.limit > 0) o.query.limit = o.limit;
  return {};
}

int run_query(const Arguments& arguments, const QueryOptions& options) {
  const StopSignal stop;
  auto output = Output::open("-");
  DumplingReader reader;
  std::string text;
  const auto flush = [&] {
    const auto status = output->write(text);
    text.clear();
    return status == Output::Status::ok && !stop.requested();
  };
  const auto rows = query_store(options.file, options.query, [&](const EatenDumpling& row) {
    if (options.ndjson) {
      text += one_line(row.json);
    } else if (const auto dumpling = reader.read(row.json)) {
      EatenDumpling whole = row;
      whole.payload = dumpling->payload;
      text += printable_dumpling(whole, {options.payload, options.color});
    }
    return text.size() < write_at_once || flush();
  });
  flush();
  if (!rows) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, rows.error().message);
    return bad_request;
  }
  if (output->status() != Output::Status::failed) return success;
  fmt::print(stderr, "{}: cannot write {}\n", arguments.called_as, output->reason());
  return failed_while_running;
}

}  // namespace

int store(const Arguments& arguments) {
  QueryOptions options;
  CLI::App cli("What nd-print --store has stored.", arguments.called_as);
  cli.require_subcommand(1);
  CLI::App* query = cli.add_subcommand("query", "Print dumplings, by the time they were made at");
  query->footer(
      "Examples:\n  spiderling store query dumplings.db --since 1h --chef DNSLookupChef\n"
      "  spiderling store query dumplings.db --limit 10 --ndjson");
  add_query_options(*query, options);
  if (const auto exit = parse_command_line(cli, arguments)) return *exit;
  if (const auto times = read_times(options); !times)
    return refuse_command_line(arguments, times.error().message);
  return run_query(arguments, options);
}

}  // namespace spiderling::app
