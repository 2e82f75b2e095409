// Lists of targets that must not be asked, and databases of autonomous systems. A list of any bytes is taken
// line by line or refused with a reason that may be shown; what a line names is covered by it; and any file
// as a database gives a number, or none.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "jobs/asn_database.h"
#include "jobs/special_purpose.h"
#include "jobs/target_list.h"

using namespace spiderling;

namespace {

void require(bool right) {
  if (!right) std::abort();
}

// What a line that was taken names, as a job: no address and no domain if it names none.
Job named_by(std::string_view line) {
  line = line.substr(0, line.find('#'));
  constexpr std::string_view space = " \t\r";
  const auto from = line.find_first_not_of(space);
  Job job;
  if (from == std::string_view::npos) return job;
  line = line.substr(from, line.find_last_not_of(space) + 1 - from);
  if (const auto prefix = Prefix::parse(line)) {
    job.dip = prefix->address;
  } else {
    job.domain = line.starts_with("*.") ? line.substr(2) : line;
  }
  return job;
}

void check_list(std::string_view text) {
  TargetList list;
  std::string taken;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto added = list.add_line(line);
    if (added) {
      taken += line;
      taken += '\n';
      continue;
    }
    const std::string& why = added.error().message;
    require(!why.empty() &&
            std::ranges::none_of(why, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
  }
  list.finish();
  for (std::string_view rest = taken; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    Job job = named_by(line);
    if (job.dip.version == IpVersion::none && job.domain.empty()) continue;
    require(list.covers(job));
    special_purpose_of(job.dip);
    if (job.domain.empty()) continue;
    job.domain = "below." + job.domain;
    require(list.covers(job));
  }
}

void check_database(const std::uint8_t* data, std::size_t size) {
  // libmaxminddb 1.7.1 loses some kilobytes where it refuses a file for its metadata. We open one file a run.
  const __lsan::ScopedDisabler its_leaks;
  static const int file = ::memfd_create("asn", 0);
  static const std::string path = fmt::format("/proc/self/fd/{}", file);
  require(::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const auto database = AsnDatabase::open(path);
  if (!database) return require(!database.error().message.empty());
  for (const char* asked : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "ffff::"})
    (*database)->find(*IpAddress::parse(asked));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_list({reinterpret_cast<const char*>(data), size});
  check_database(data, size);
  return 0;
}
