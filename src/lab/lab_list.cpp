// Labs that stay: a file each below /run, which is the only trace of a lab in the file system.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

#include <fmt/ranges.h>

#include "lab/lab.h"

namespace spiderling::lab {
namespace {

constexpr const char* parent_folder = "/run/spiderling";
// Longer than bringing up the largest lab takes.
constexpr std::chrono::seconds longest_wait{30};
constexpr std::chrono::milliseconds between_tries{10};
constexpr const char* folder = "/run/spiderling/lab";

std::string path_of(std::string_view scenario) { return fmt::format("{}/{}", folder, scenario); }

// A folder that was taken away and made anew between open and lock is another one.
bool is_still_there(const FileDescriptor& open) {
  struct stat named {
  }, held{};
  return ::stat(folder, &named) == 0 && ::fstat(open.get(), &held) == 0 && named.st_ino == held.st_ino &&
         named.st_dev == held.st_dev;
}

// Another command has it as long as it brings a lab up or down.
Result<void> wait_for_lock(const FileDescriptor& open) {
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  while (::flock(open.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return error("cannot lock the folder {}: {}", folder, std::strerror(errno));
    if (std::chrono::steady_clock::now() > deadline)
      return error("another `spiderling lab` has been at work for {} s: try later", longest_wait.count());
    std::this_thread::sleep_for(between_tries);
  }
  return {};
}

std::optional<LabHandle> read_entry(const std::string& path) {
  std::ifstream file(path);
  LabHandle handle;
  auto& n = handle.networks;
  if (file >> handle.init >> handle.started >> n[0] >> n[1] >> n[2]) return handle;
  return std::nullopt;
}

}  // namespace

Result<LabList> LabList::open() {
  while (true) {
    for (const char* path : {parent_folder, folder})
      if (::mkdir(path, 0755) != 0 && errno != EEXIST)
        return error("cannot make the folder {}: {}", path, std::strerror(errno));
    FileDescriptor lock(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock && errno == ENOENT) continue;  // another command's end took it away
    if (!lock) return error("cannot open the folder {}: {}", folder, std::strerror(errno));
    if (auto locked = wait_for_lock(lock); !locked) return tl::unexpected(locked.error());
    if (is_still_there(lock)) return LabList(std::move(lock));
  }
}

LabList::~LabList() {
  if (!lock_) return;
  if (::rmdir(folder) == 0) ::rmdir(parent_folder);  // both only if empty
}

std::optional<LabHandle> LabList::find(std::string_view scenario) const {
  const auto handle = read_entry(path_of(scenario));
  if (handle && is_alive(*handle)) return handle;
  remove(scenario);
  return std::nullopt;
}

std::vector<std::string> LabList::names() const {
  std::vector<std::string> entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder), [](DIR* f) { return ::closedir(f); });
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
    if (is_plain_name(entry->d_name)) entries.emplace_back(entry->d_name);
  std::erase_if(entries, [&](const std::string& name) { return !find(name); });
  std::ranges::sort(entries);
  return entries;
}

Result<void> LabList::add(std::string_view scenario, const LabHandle& handle) const {
  const std::string path = path_of(scenario);
  std::ofstream file(path);
  file << fmt::format("{} {} {}\n", handle.init, handle.started, fmt::join(handle.networks, " "));
  file.close();
  if (file) return {};
  const int why = errno;
  remove(scenario);
  return error("cannot write {}: {}", path, std::strerror(why));
}

void LabList::remove(std::string_view scenario) const { ::unlink(path_of(scenario).c_str()); }

}  // namespace spiderling::lab
