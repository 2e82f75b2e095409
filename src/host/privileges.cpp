#include "host/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

namespace spiderling {
namespace {

constexpr unsigned nobody_id = 65534;  // on Linux, whether or not it has a name

struct User {
  uid_t user = nobody_id;
  gid_t group = nobody_id;
};

std::optional<unsigned> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (fault != std::errc{} || end != digits.data() + digits.size() || value == 0) return std::nullopt;
  return value;
}

User whom_to_become() {
  const auto user = number_from_environment("SUDO_UID");
  const auto group = number_from_environment("SUDO_GID");
  if (user && group) return {*user, *group};
  if (const passwd* nobody = ::getpwnam("nobody");
      nobody != nullptr && nobody->pw_uid != 0 && nobody->pw_gid != 0)
    return {nobody->pw_uid, nobody->pw_gid};
  return {};
}

// Root of a user namespace (unshare -Ur, a rootless container) has no rights on the host, and may well not be
// allowed to become anybody else. Only the first namespace maps every number.
bool is_root_of_a_user_namespace() {
  std::ifstream map("/proc/self/uid_map");
  unsigned long inside = 0, outside = 0, count = 0;
  return (map >> inside >> outside >> count) && count != 0xffffffff;
}

bool is_root() { return (::geteuid() == 0 || ::getuid() == 0) && !is_root_of_a_user_namespace(); }

// The groups first: afterwards there is no right to change them.
Result<void> become(const User& who) {
  if (::setgroups(0, nullptr) != 0) return error("cannot give up root's groups: {}", std::strerror(errno));
  if (::setresgid(who.group, who.group, who.group) != 0)
    return error("cannot become group {}: {}", who.group, std::strerror(errno));
  if (::setresuid(who.user, who.user, who.user) != 0)
    return error("cannot become user {}: {}", who.user, std::strerror(errno));
  return {};
}

Result<void> clear_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    return error("cannot give up ambient capabilities: {}", std::strerror(errno));
  if (::syscall(SYS_capset, &header, none) != 0)
    return error("cannot give up capabilities: {}", std::strerror(errno));
  return {};
}

}  // namespace

Result<void> drop_privileges() {
  if (is_root()) {
    if (auto changed = become(whom_to_become()); !changed) return changed;
  }
  if (auto cleared = clear_capabilities(); !cleared) return cleared;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return error("cannot refuse new privileges: {}", std::strerror(errno));
  if (is_root() || (!is_root_of_a_user_namespace() && ::setuid(0) == 0))
    return error("privileges could not be given up; nothing more is done");
  return {};
}

}  // namespace spiderling
