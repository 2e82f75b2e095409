// A scenario of the lab, as a user's file has it: whatever its bytes, there is a scenario that keeps to its
// bounds and can be laid out, or one line that says what is wrong.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lab/plan.h"
#include "lab/scenario.h"

using namespace spiderling;

namespace {

void require(bool right) {
  if (!right) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view toml(reinterpret_cast<const char*>(data), size);
  const auto scenario = lab::parse_scenario(toml, "fuzz.toml");
  if (!scenario) {
    require(!scenario.error().message.empty());
    require(scenario.error().message.find('\n') == std::string::npos);
    return 0;
  }
  require(lab::is_plain_name(scenario->name));
  require(!scenario->hosts.empty() && scenario->hosts.size() <= lab::max_hosts);
  for (const lab::Host& host : scenario->hosts) {
    require(host.box != nullptr && (host.ipv4 || host.ipv6));
    require(host.count >= 1 && host.count <= lab::max_count);
  }
  const auto plan = lab::AddressPlan::of(*scenario);
  require(plan || !plan.error().message.empty());
  return 0;
}
