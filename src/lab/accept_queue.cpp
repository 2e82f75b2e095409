#include <dirent.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>

#include "lab/running_servers.h"

namespace spiderling::lab {
namespace {

constexpr int longest_queue = INT_MAX;  // the kernel takes somaxconn

bool is_listening(const FileDescriptor& file) {
  int yes = 0;
  socklen_t size = sizeof yes;
  return ::getsockopt(file.get(), SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

// The numbers of a process's descriptors.
std::vector<int> descriptors_of(pid_t process) {
  std::vector<int> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(fmt::format("/proc/{}/fd", process).c_str()),
                                                   [](DIR* open) { return ::closedir(open); });
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const std::string_view name(entry->d_name);
    int number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc())
      numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

// A socket is lent from the server, and told to listen once more: that changes nothing but the queue's
// length.
Result<void> lengthen_accept_queues(pid_t process) {
  const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle) return error("cannot get hold of process {}: {}", process, std::strerror(errno));
  for (const int number : descriptors_of(process)) {
    const FileDescriptor lent(static_cast<int>(::syscall(SYS_pidfd_getfd, handle.get(), number, 0)));
    if (!lent || !is_listening(lent)) continue;
    if (::listen(lent.get(), longest_queue) != 0)
      return error("cannot lengthen a server's queue: {}", std::strerror(errno));
  }
  return {};
}

}  // namespace spiderling::lab
