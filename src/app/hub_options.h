// The command line of `spiderling hub` (nd-hub).
#pragma once

#include <optional>
#include <string>

#include "app/command.h"
#include "base/log.h"
#include "hub/hub.h"

namespace spiderling::app {

struct ParsedHub {
  HubOptions options;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  std::optional<int> exit;  ///< nothing to run: help was printed, or an error
};
ParsedHub parse_hub(const Arguments& arguments);

}  // namespace spiderling::app
