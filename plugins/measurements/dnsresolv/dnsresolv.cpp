#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class DnsresolvMeasurement : public ExpandMeasurement {
 public:
  static constexpr const char* name = "dnsresolv";
  static constexpr const char* description =
      "Resolves names: one job for each address, for other measurements.";
  static constexpr const char* version = "1.0.0";

  Task<Expansion> expand(const Job& job, Resolver& resolver) override {
    Expansion expansion;
    if (job.domain.empty()) {
      // A target that is an address already.
      expansion.jobs.push_back(job);
      co_return expansion;
    }
    const ResolvedName found = co_await resolver.resolve(job.domain);
    for (const IpAddress& address : found.addresses) expansion.jobs.push_back(job.at(address));
    expansion.reason = name_of(found.state);
    expansion.left_out = found.left_out;
    expansion.incomplete = found.incomplete;
    co_return expansion;
  }
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::DnsresolvMeasurement)
