#include "host/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace spiderling {
namespace {

constexpr const char* own_namespace = "/proc/thread-self/ns/net";

Result<FileDescriptor> open_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error("cannot open the network namespace {}: {}", path, std::strerror(errno));
  return file;
}

Result<void> go_to(int descriptor) {
  if (::setns(descriptor, CLONE_NEWNET) == 0) return {};
  if (errno == EPERM) return error("cannot enter a network namespace: needs root (CAP_SYS_ADMIN)");
  return error("cannot enter a network namespace: {}", std::strerror(errno));
}

Result<void> bring_up_loopback() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return error("cannot bring up the loopback interface: {}", std::strerror(errno));
  return {};
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::make() {
  FileDescriptor home(::open(own_namespace, O_RDONLY | O_CLOEXEC));
  if (!home) return error("cannot open the network namespace {}: {}", own_namespace, std::strerror(errno));
  if (::unshare(CLONE_NEWNET) != 0) {
    if (errno == EPERM) return error("cannot make a network namespace: needs root (CAP_SYS_ADMIN)");
    return error("cannot make a network namespace: {}", std::strerror(errno));
  }
  auto made = of_this_thread();
  const auto up = bring_up_loopback();
  if (::setns(home.get(), CLONE_NEWNET) != 0) std::abort();
  if (!up) return tl::unexpected(up.error());
  return made;
}

Result<NetworkNamespace> NetworkNamespace::of_this_thread() { return open(own_namespace); }

Result<NetworkNamespace> NetworkNamespace::open(const std::string& path) {
  auto file = open_file(path);
  if (!file) return tl::unexpected(file.error());
  return NetworkNamespace(std::move(*file));
}

Result<void> NetworkNamespace::enter() const { return go_to(file_.get()); }

Result<InNamespace> InNamespace::enter(const NetworkNamespace& there) {
  auto home = open_file(own_namespace);
  if (!home) return tl::unexpected(home.error());
  if (auto entered = there.enter(); !entered) return tl::unexpected(entered.error());
  return InNamespace(std::move(*home));
}

InNamespace::~InNamespace() {
  if (home_ && ::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace spiderling
