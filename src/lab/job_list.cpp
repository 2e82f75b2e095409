#include "lab/job_list.h"

#include <iterator>

namespace spiderling::lab {

JobList::JobList(const Scenario& scenario, const AddressPlan& plan) : scenario_(scenario), plan_(plan) {
  for (std::size_t host = 0; host < scenario.hosts.size(); ++host) {
    if (scenario.hosts[host].ipv4) add(host, IpVersion::v4);
    if (scenario.hosts[host].ipv6) add(host, IpVersion::v6);
  }
}

void JobList::add(std::size_t host, IpVersion version) {
  const Target first{host, version, 0};
  streams_.push({position_of(first), first});
}

double JobList::position_of(const Target& target) const {
  return (target.index + 0.5) / scenario_.hosts[target.host].count;
}

bool JobList::append_next(std::string& out) {
  if (streams_.empty()) return false;
  Target target = streams_.top().next;
  streams_.pop();
  const Host& host = scenario_.hosts[target.host];
  fmt::format_to(std::back_inserter(out), R"({{"dip":"{}","dp":{},"domain":"{}.lab.test","lab_host":"{}"}})",
                 plan_.address(target).to_string(), host.port, host.name, host.name);
  out += '\n';
  if (++target.index < host.count) streams_.push({position_of(target), target});
  return true;
}

}  // namespace spiderling::lab
