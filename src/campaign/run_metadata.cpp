#include "campaign/run_metadata.h"

#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>

#include "campaign/metadata.h"
#include "spiderling/address.h"
#include "spiders/result_json.h"

namespace spiderling {

namespace json = boost::json;

namespace {

constexpr std::size_t most_runs = 1000;    // that are told of; a list has one end, whoever resumes
constexpr std::size_t most_sources = 256;  // addresses of ours

std::string as_text(Timestamp time) {
  std::string text;
  append_rfc3339(time, text);
  return text;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::string kernel() {
  utsname name{};
  if (::uname(&name) != 0) return {};
  return fmt::format("{} {} {} {}", name.sysname, name.release, name.version, name.machine);
}

json::object as_json(const ClockState& clock) {
  return {{"synchronized", clock.synchronized},
          {"estimated_error_us", clock.estimated_error_us},
          {"maximum_error_us", clock.maximum_error_us}};
}

}  // namespace

ClockState clock_state() {
  timex about{};
  const int state = ::adjtimex(&about);  // changes nothing: about.modes is 0
  return {state >= 0 && state != TIME_ERROR && (about.status & STA_UNSYNC) == 0, about.esterror,
          about.maxerror};
}

RunMetadata::RunMetadata(RunDescription description, const json::object& earlier, Writer writer)
    : description_(std::move(description)),
      writer_(std::move(writer)),
      start_before_(text_member(earlier, "_time_start")),
      end_before_(text_member(earlier, "_time_end")),
      begun_(std::chrono::system_clock::now()),
      clock_at_start_(clock_state()) {
  if (const json::value* runs = earlier.if_contains("runs"); runs != nullptr && runs->is_array())
    runs_before_ = runs->get_array();
  if (runs_before_.size() > most_runs)
    runs_before_.erase(runs_before_.begin(), runs_before_.end() - most_runs);
  for (json::value& run : runs_before_) {
    // It had no time to say how it ended.
    if (run.is_object() && text_member(run.get_object(), "state") == "running")
      run.get_object()["state"] = "killed";
  }
  if (const json::value* vantage = earlier.if_contains("vantage"); vantage != nullptr && vantage->is_object())
    vantage_before_ = vantage->get_object();
}

void RunMetadata::add(const ConnectionRecord& connection) {
  if (connection.start != Timestamp{} && (from_ == Timestamp{} || connection.start < from_))
    from_ = connection.start;
  to_ = std::max(to_, connection.stop);
  const IpAddress& sip = connection.sip;
  if (sip.version == IpVersion::none || sources_.size() >= most_sources) return;
  if (std::ranges::find(sources_, sip) == sources_.end()) sources_.push_back(sip);
}

Result<void> RunMetadata::write(const RunReport& report) {
  const bool has_results = from_ != Timestamp{};
  std::string start = as_text(has_results ? from_ : begun_);
  std::string end = as_text(has_results ? to_ : std::chrono::system_clock::now());
  // Of one form, so that the order of texts is that of times.
  if (!start_before_.empty() && !runs_before_.empty()) start = std::min(start, start_before_);
  if (!end_before_.empty() && !runs_before_.empty()) end = std::max(end, end_before_);
  json::array runs = runs_before_;
  runs.push_back(this_run(report));
  const json::object members{
      {"_file_type", results_file_type},
      {"_time_start", start},
      {"_time_end", end},
      {"measurement", description_.measurement},
      {"measurement_version", description_.measurement_version},
      {"options", description_.options},
      {"connect", description_.connect},
      {"timeout_ms", description_.timeout.count()},
      {"linger_ms", description_.linger.count()},
      {"vantage", vantage()},
      {"runs", runs},
  };
  return writer_(metadata_text(members));
}

json::object RunMetadata::this_run(const RunReport& report) const {
  json::object run{
      {"state", report.state},
      {"start", as_text(begun_)},
      {"end",
       report.state == "running" ? json::value() : json::value(as_text(std::chrono::system_clock::now()))},
      {"command", json::value_from(description_.command)},
      {"version", description_.version},
      {"host", host_name()},
      {"kernel", kernel()},
      {"interface", description_.interface},
      {"clock", {{"at_start", as_json(clock_at_start_)}, {"now", as_json(clock_state())}}},
      {"configurations", description_.configurations},
      {"configurations_verified", report.verified},
      {"counters", report.counters},
  };
  if (!report.why.empty()) run["why"] = report.why;
  if (!report.pcap.empty()) run["pcap"] = report.pcap;
  return run;
}

json::object RunMetadata::vantage() const {
  json::object vantage = vantage_before_;
  for (const IpAddress& address : sources_) {
    const char* family = address.version == IpVersion::v4 ? "ipv4" : "ipv6";
    json::value& list = vantage[family];
    if (!list.is_array()) list = json::array();
    char room[max_address_text];
    const std::string_view text(room, static_cast<std::size_t>(format_address(address, room) - room));
    if (std::ranges::find(list.get_array(), json::value(text)) == list.get_array().end())
      list.get_array().push_back(json::value(text));
  }
  return vantage;
}

}  // namespace spiderling
