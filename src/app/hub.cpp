// spiderling hub, nd-hub: kitchens in, eaters out.
#include "hub/hub.h"

#include <fmt/format.h>

#include "app/command.h"
#include "app/hub_options.h"
#include "app/stop_signal.h"

namespace spiderling::app {

int hub(const Arguments& arguments) {
  const ParsedHub parsed = parse_hub(arguments);
  if (parsed.exit) return *parsed.exit;
  log::configure(parsed.log_level, parsed.log_format);
  const StopSignal stop;
  const auto opened = Hub::open(parsed.options);
  if (!opened) {
    fmt::print(stderr, "{}: {}\n", arguments.called_as, opened.error().message);
    return bad_request;
  }
  (*opened)->run([&stop] { return stop.requested(); });
  return success;
}

}  // namespace spiderling::app
