// The command line of `spiderling sniff`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/log.h"
#include "kitchen/service.h"

namespace spiderling::app {

struct SniffOptions {
  std::string kitchen_name = "default_kitchen";
  std::string hub = "localhost:11347";
  std::string interface = "all";  ///< also a trace
  std::string filter = "tcp or udp or arp";
  std::vector<std::string> chef_modules;  ///< none: the built-in one, and the plugin folders
  std::vector<std::string> chefs;         ///< none: all
  bool chef_list = false;
  double poke_interval_seconds = 5;
  std::uint64_t max_failures = 100;    ///< of a handler, in a row; 0: any number
  std::optional<bool> kitchen_status;  ///< dumplings about the kitchen itself; none: to a hub, yes

  std::string output;  ///< "-" or a file, instead of a hub; empty: the hub
  Pace pace = Pace::fast;
  std::uint64_t count = 0;
  double duration_seconds = 0;
  std::uint32_t snap_length = 262144;

  std::string token_file;
  std::string ca_file;
  std::size_t buffer_dumplings = 200'000;
  std::size_t buffer_bytes = 64u << 20;
  double flush_seconds = 5;

  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

/// What came of a command line: options to run with, or an exit status (help was printed, or an error).
struct ParsedSniff {
  SniffOptions options;
  std::optional<int> exit;
};
ParsedSniff parse_sniff(const Arguments& arguments);

}  // namespace spiderling::app
