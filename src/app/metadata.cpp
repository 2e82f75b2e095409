// spiderling metadata: when results were measured, and whatever else is to be known of them, beside them.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <boost/json/object.hpp>

#include "app/command.h"
#include "app/command_line.h"
#include "campaign/metadata.h"
#include "campaign/result_span.h"
#include "campaign/whole_file.h"
#include "spiders/result_json.h"

namespace spiderling::app {

namespace json = boost::json;

namespace {

struct MetadataOptions {
  std::vector<std::string> files;
  std::string type = std::string(results_file_type);
  std::vector<std::string> extra;
};

// TAG:VAL; the value may have colons too.
std::string check_extra(const std::string& text) {
  const auto colon = text.find(':');
  if (colon != std::string::npos && colon > 0) return {};
  return fmt::format("'{}' is no TAG:VAL", text);
}

std::string as_text(Timestamp time) {
  std::string text;
  append_rfc3339(time, text);
  return text;
}

// What is there already stays, but for what is said anew.
Result<ResultSpan> write_metadata(const std::string& file, const MetadataOptions& options) {
  const auto span = span_of_results(file);
  if (!span) return span;
  const std::string path = metadata_path(file);
  auto members = read_metadata(path);
  if (!members) return tl::unexpected(members.error());
  (*members)["_time_start"] = as_text(span->from);
  (*members)["_time_end"] = as_text(span->to);
  (*members)["_file_type"] = options.type;
  for (const std::string& extra : options.extra) {
    const auto colon = extra.find(':');
    (*members)[extra.substr(0, colon)] = extra.substr(colon + 1);
  }
  if (const auto written = replace_file(path, metadata_text(*members)); !written)
    return tl::unexpected(written.error());
  return span;
}

}  // namespace

int metadata(const Arguments& arguments) {
  MetadataOptions options;
  CLI::App cli("Writes FILE.meta.json beside each file of results: from when to when they were measured.",
               arguments.called_as);
  cli.footer(
      "Example:\n  spiderling metadata results.ndjson.bz2 --extra location:ams --extra campaign:2026-11\n"
      "Exit status: 0 done, 2 a file could not be read, or its metadata not be written.");
  cli.add_option("FILE", options.files, "Results, a JSON object a line; also .gz, .zst or .bz2")->required();
  cli.add_option("-t,--type", options.type, "What kind of file it is")
      ->capture_default_str()
      ->type_name("TYPE");
  cli.add_option("--extra", options.extra, "Another member, as often as you like")
      ->allow_extra_args(false)
      ->check(CLI::Validator(check_extra, "TAG:VAL"))
      ->type_name("TAG:VAL");
  bool verbose = false;
  cli.add_flag("-v,--verbose", verbose, "Say what was found");
  if (const auto exit = parse_command_line(cli, arguments)) return *exit;
  int status = success;
  for (const std::string& file : options.files) {
    const auto span = write_metadata(file, options);
    if (!span) {
      fmt::print(stderr, "{}: {}\n", arguments.called_as, span.error().message);
      status = bad_request;
      continue;
    }
    if (span->without_time > 0) {
      fmt::print(stderr, "{}: {}: {} of {} lines are no results with a time\n", arguments.called_as, file,
                 span->without_time, span->lines);
    }
    if (verbose) {
      fmt::print(stderr, "{}: {}: {} lines, {} to {}\n", arguments.called_as, file, span->lines,
                 as_text(span->from), as_text(span->to));
    }
  }
  return status;
}

}  // namespace spiderling::app
