// DNSLookupChef: which hosts are looked up, as it happens and summed up.
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>

#include "host_name.h"
#include "recent_lookups.h"
#include "spiderling/chef.h"

namespace {

using namespace spiderling;

class DNSLookupChef : public Chef {
 public:
  static constexpr Layers wants = Layers::dns;

  Payload packet_handler(const Packet& packet) override {
    const auto dns = packet.dns();
    if (!dns) return {};
    const auto questions = dns->questions();
    const auto first = questions.begin();
    if (first == questions.end()) return {};
    const std::string hostname = dnslookup::host_name(first->encoded_name());
    const double when = packet.time_seconds();
    lookups_.saw(hostname, when);
    return {{"lookup", {{"hostname", hostname}, {"when", when}}}};
  }

  Payload interval_handler(std::chrono::duration<double>) override {
    // One piece of memory for all of it: it is the largest payload there is.
    const auto memory = boost::json::make_shared_resource<boost::json::monotonic_resource>();
    boost::json::object payload(memory);
    boost::json::object& seen = payload["lookups_seen"].emplace_object();
    seen.reserve(lookups_.hosts().size());
    for (const auto& host : lookups_.hosts()) {
      boost::json::object numbers(memory);
      numbers.reserve(2);
      numbers.emplace("count", host.count);
      numbers.emplace("latest", host.latest);
      seen.emplace(host.name, std::move(numbers));
    }
    return payload;
  }

  std::uint64_t forgotten() const override { return lookups_.forgotten(); }

 private:
  dnslookup::RecentLookups lookups_;
};

}  // namespace

SPIDERLING_CHEF(DNSLookupChef)
