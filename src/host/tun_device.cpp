#include "host/tun_device.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace spiderling {
namespace {

ifreq request_about(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

}  // namespace

Result<TunDevice> open_tun_device(const std::string& name) {
  FileDescriptor device(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device) return error("cannot open /dev/net/tun: {}", std::strerror(errno));
  ifreq request = request_about(name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(device.get(), TUNSETIFF, &request) != 0)
    return error("cannot open the TUN device {}: {}", name, std::strerror(errno));
  TunDevice opened;
  opened.descriptor = std::move(device);
  opened.name = request.ifr_name;
  return opened;
}

Result<void> bring_up(const TunDevice& device, int queue) {
  const FileDescriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_about(device.name);
  request.ifr_qlen = queue;
  if (any && ::ioctl(any.get(), SIOCSIFTXQLEN, &request) == 0) {
    request = request_about(device.name);
    request.ifr_flags = IFF_UP;
    if (::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0) return {};
  }
  return error("cannot switch on {}: {}", device.name, std::strerror(errno));
}

}  // namespace spiderling
