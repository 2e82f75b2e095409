#include "lab/resolved_names.h"

#include <simdjson.h>

#include <iterator>

#include "lab/servers.h"

namespace spiderling::lab {

ResolvedNames::ResolvedNames(const Scenario& scenario, const AddressPlan& plan, std::size_t host,
                             IpVersion version)
    : scenario_(scenario), plan_(plan), host_(host), version_(version), came_(scenario.hosts[host].count) {}

std::string ResolvedNames::resolver() const {
  const std::string address = plan_.address({host_, version_, 0}).to_string();
  const char* form = version_ == IpVersion::v6 ? "[{}]:{}" : "{}:{}";
  return fmt::format(fmt::runtime(form), address, scenario_.hosts[host_].port);
}

std::string ResolvedNames::name_of(std::uint32_t index) const {
  return fmt::format("n{}.{}.lab.test", index, scenario_.hosts[host_].name);
}

bool ResolvedNames::append_next(std::string& out) {
  if (next_ >= came_.size()) return false;
  fmt::format_to(std::back_inserter(out), R"({{"domain":"{}","rank":{}}})", name_of(next_), next_);
  out += '\n';
  ++next_;
  return true;
}

void ResolvedNames::take(std::string_view line) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  std::uint64_t rank = 0;
  std::string_view domain, dip;
  if (parser.parse(line.data(), line.size()).get_object().get(object) != simdjson::SUCCESS ||
      object["rank"].get_uint64().get(rank) != simdjson::SUCCESS || rank >= came_.size() ||
      object["domain"].get_string().get(domain) != simdjson::SUCCESS ||
      object["dip"].get_string().get(dip) != simdjson::SUCCESS) {
    strange_ = true;
    return;
  }
  Came& came = came_[rank];
  if (domain != name_of(static_cast<std::uint32_t>(rank)))
    came.wrong = true;
  else if (dip == every_name_v4)
    ++came.v4;
  else if (dip == every_name_v6)
    ++came.v6;
  else
    came.wrong = true;
}

std::string_view ResolvedNames::state_of(const Came& came) const {
  if (strange_ || came.wrong) return "wrong";
  if (came.v4 == 1 && came.v6 == 1) return "resolved";
  return came.v4 + came.v6 == 0 ? "unresolved" : "wrong";
}

std::vector<std::string> ResolvedNames::results() const {
  std::vector<std::string> lines;
  for (std::uint32_t index = 0; index < came_.size(); ++index)
    lines.push_back(fmt::format(R"({{"dip":"{}","conditions":["dnsresolv.{}"]}})",
                                plan_.address({host_, version_, index}).to_string(), state_of(came_[index])));
  return lines;
}

}  // namespace spiderling::lab
