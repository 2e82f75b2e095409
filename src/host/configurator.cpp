#include "host/configurator.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

namespace spiderling {
namespace {

// Appends what went wrong, too.
void add_problem(Result<void>& result, const std::string& problem) {
  if (result)
    result = error("{}", problem);
  else
    result.error().message += "; " + problem;
}

void merge(UndoReport& all, UndoReport one) {
  std::ranges::move(one.put_back, std::back_inserter(all.put_back));
  std::ranges::move(one.left, std::back_inserter(all.left));
  std::ranges::move(one.failed, std::back_inserter(all.failed));
}

}  // namespace

// --- HostChanges ---

Result<void> HostChanges::set_sysctl(const std::string& name, const std::string& value) {
  const std::string wanted = with_single_blanks(value);
  const auto before = host_.sysctls().read(name);
  if (!before) return tl::unexpected(before.error());
  if (*before == wanted) {
    made_.push_back({0, name, wanted});  // nothing to undo, but to verify
    return {};
  }
  const auto entry = journal_.add(UndoSysctl{name, *before, wanted});
  if (!entry) return tl::unexpected(entry.error());
  made_.push_back({*entry, name, wanted});
  if (auto written = host_.sysctls().write(name, wanted); !written) return written;
  const auto after = host_.sysctls().read(name);
  if (!after) return tl::unexpected(after.error());
  if (*after == wanted) return {};
  // Another value than ours would be left alone as someone else's; this one is ours.
  auto problem = Result<void>(error("{} was set to {} but is {}", name, wanted, *after));
  if (*after != *before) {
    if (auto back = host_.sysctls().write(name, *before); !back) add_problem(problem, back.error().message);
  }
  return problem;
}

Result<void> HostChanges::add_nft_table(const std::string& body) {
  static std::atomic<unsigned> count = 0;
  const std::string name = fmt::format("{}{}_host_{}", nft_table_prefix, ::getpid(), ++count);
  const auto entry = journal_.add(UndoNftTable{name});
  if (!entry) return tl::unexpected(entry.error());
  made_.push_back({*entry, {}, {}});
  if (auto added = host_.add_nft_table(name, body); !added) return added;
  const auto table = host_.nft_table(name);
  if (!table) return tl::unexpected(table.error());
  if (!*table) return error("the nft table {} is not there", name);
  return {};
}

Result<void> HostChanges::verify() {
  std::vector<std::string_view> seen;
  // The last value that a setting was given counts.
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) {
    const Made& made = *at;
    if (made.sysctl.empty() || std::ranges::find(seen, made.sysctl) != seen.end()) continue;
    seen.push_back(made.sysctl);
    const auto now = host_.sysctls().read(made.sysctl);
    if (!now) return tl::unexpected(now.error());
    if (*now != made.value)
      return error("{} was set to {} but is now {}: someone else has changed it", made.sysctl, made.value,
                   *now);
  }
  return {};
}

UndoReport HostChanges::restore() {
  UndoReport all;
  for (; !made_.empty(); made_.pop_back()) merge(all, journal_.undo(host_, made_.back().entry));
  return all;
}

// --- Configurator ---

Configurator::~Configurator() { restore(); }

Result<void> Configurator::begin(const HostConfiguration& configuration, std::chrono::milliseconds time) {
  if (changes_) return error("the host is configured already, as {}", name_);
  auto claim = claim_host_settings(journal_.path().parent_path());
  if (!claim) return tl::unexpected(claim.error());
  claim_ = std::move(*claim);
  name_ = configuration.name;
  deadline_ = Clock::now() + time;
  if (guardian_ != nullptr) {
    if (auto told = guardian_->undo_after(time); !told) {
      claim_ = {};
      return told;
    }
  }
  auto applied = apply(configuration);
  if (applied) applied = changes_->verify();
  if (applied) return {};
  Result<void> result = error("cannot configure the host as {}: {}", name_, applied.error().message);
  if (auto restored = restore(); !restored) add_problem(result, restored.error().message);
  return result;
}

Result<void> Configurator::apply(const HostConfiguration& configuration) {
  changes_.emplace(host_, journal_);
  for (const auto& [sysctl, value] : configuration.settings) {
    if (auto set = changes_->set_sysctl(sysctl, value); !set) return set;
  }
  if (!configuration.apply) return {};
  own_restore_ = configuration.restore;
  return configuration.apply(*changes_);
}

Result<void> Configurator::end() {
  if (!changes_) return error("the host is not configured");
  Result<void> result;
  // What the guardian has put back because time was over is no one else's change.
  if (Clock::now() > deadline_)
    result = error(
        "the time for the host's configuration {} is over: what was measured after it does not count", name_);
  else
    result = changes_->verify();
  if (auto restored = restore(); !restored) add_problem(result, restored.error().message);
  return result;
}

Result<void> Configurator::restore() {
  if (!changes_) return {};
  Result<void> result;
  if (const auto own = std::exchange(own_restore_, nullptr)) {
    if (auto done = own(host_); !done) result = done;
  }
  const UndoReport report = changes_->restore();
  changes_.reset();
  if (guardian_ != nullptr) [[maybe_unused]]
    const auto told = guardian_->call_off();
  claim_ = {};
  if (!report.failed.empty() || !report.left.empty()) add_problem(result, report.text());
  return result;
}

Result<void> Configurator::run(const HostConfiguration& configuration, std::chrono::milliseconds time,
                               const Epoch& epoch) {
  if (auto begun = begin(configuration, time); !begun) return begun;
  auto result = epoch(deadline_);
  if (auto ended = end(); !ended) add_problem(result, ended.error().message);
  return result;
}

// A name for sockets is taken or not, belongs to one network namespace, and is free again when its process is
// dead.
Result<FileDescriptor> claim_host_settings(const std::filesystem::path& journals) {
  sockaddr_un address{};
  std::string name = "spiderling settings " + std::filesystem::absolute(journals).string();
  // What tells folders apart is at the end of their names.
  if (name.size() >= sizeof address.sun_path) name.erase(0, name.size() - sizeof address.sun_path + 1);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // a first byte of 0: a name, not a file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return socket;
  if (errno == EADDRINUSE)
    return error("another spiderling is measuring with settings of this whole host; wait until it has ended");
  return error("cannot claim the settings of this host: {}", std::strerror(errno));
}

}  // namespace spiderling
