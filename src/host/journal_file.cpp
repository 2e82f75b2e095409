#include "host/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>

namespace spiderling {
namespace {

constexpr std::string_view suffix = ".journal";
constexpr std::chrono::seconds lock_deadline{5};
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

std::string first_line_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Field 22 of /proc/PID/stat (proc(5)). The second is a name in brackets, which may hold blanks and brackets.
std::optional<std::uint64_t> start_time(const std::string& stat) {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::size_t at = name_end + 2;
  for (int field = 3; field < 22; ++field) {
    at = stat.find(' ', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  std::uint64_t value = 0;
  if (std::from_chars(stat.data() + at, stat.data() + stat.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

char state_of(const std::string& stat) {
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? '?' : stat[name_end + 2];
}

std::uint64_t network_cookie() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) return 0;
  return cookie;
}

bool some_process_is_in(std::uint64_t inode) {
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", fault)) {
    struct stat status {};
    const std::string file = entry.path().string() + "/ns/net";
    if (::stat(file.c_str(), &status) == 0 && status.st_ino == inode) return true;
  }
  return false;
}

// `ip netns add` keeps a namespace by mounting it.
bool some_mount_holds(std::uint64_t inode) {
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string wanted = fmt::format(" net:[{}] ", inode);
  for (std::string line; std::getline(mounts, line);)
    if (line.find(wanted) != std::string::npos) return true;
  return false;
}

}  // namespace

Result<ProcessId> ProcessId::of(pid_t number) {
  const auto started = start_time(first_line_of(fmt::format("/proc/{}/stat", number)));
  if (!started) return error("cannot find out when process {} was started", number);
  return ProcessId{number, *started};
}

bool ProcessId::is_alive() const {
  const std::string stat = first_line_of(fmt::format("/proc/{}/stat", number));
  return start_time(stat) == started && state_of(stat) != 'Z' && state_of(stat) != 'X';
}

Result<NetworkPlace> NetworkPlace::here() {
  NetworkPlace place;
  place.boot = first_line_of("/proc/sys/kernel/random/boot_id");
  struct stat status {};
  if (place.boot.empty() || ::stat("/proc/thread-self/ns/net", &status) != 0)
    return error("cannot find out which network namespace this is; is /proc there?");
  place.inode = status.st_ino;
  place.cookie = network_cookie();
  return place;
}

bool NetworkPlace::exists() const { return some_process_is_in(inode) || some_mount_holds(inode); }

std::string journal_name(const ProcessId& process) {
  return fmt::format("{}-{}{}", process.number, process.started, suffix);
}

std::optional<ProcessId> process_of_journal(const std::string& name) {
  if (!name.ends_with(suffix)) return std::nullopt;
  const char* const end = name.data() + name.size() - suffix.size();
  ProcessId process;
  const auto [dash, fault] = std::from_chars(name.data(), end, process.number);
  if (fault != std::errc{} || dash == end || *dash != '-' || process.number <= 0) return std::nullopt;
  const auto [last, fault2] = std::from_chars(dash + 1, end, process.started);
  if (fault2 != std::errc{} || last != end) return std::nullopt;
  return process;
}

Result<FileDescriptor> open_journal_directory(const std::filesystem::path& directory, bool make) {
  if (make && ::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return error("cannot make {}, where the way back of every change of this host is kept: {}",
                 directory.string(), std::strerror(errno));
  FileDescriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return error("cannot open {}: {}", directory.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(folder.get(), &status) != 0)
    return error("cannot check {}: {}", directory.string(), std::strerror(errno));
  if (status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
    return error("{} must belong to user {} and be writable for no one else", directory.string(),
                 ::geteuid());
  return folder;
}

void lock_journals(const FileDescriptor& directory) {
  const auto deadline = std::chrono::steady_clock::now() + lock_deadline;
  while (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string journal_header(const NetworkPlace& place) {
  return fmt::format("spiderling journal 1\nnetwork {} {} {}\n", place.boot, place.cookie, place.inode);
}

}  // namespace spiderling
