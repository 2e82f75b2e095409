#include "host/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "host/capability_numbers.h"

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

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// Those of the wanted that there are.
Result<CapabilitySets> sets_with_only(std::initializer_list<Capability> wanted) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilitySets now{}, kept{};
  if (::syscall(SYS_capget, &header, now.data()) != 0)
    return error("cannot find out capabilities: {}", std::strerror(errno));
  for (const Capability capability : wanted) {
    const unsigned number = number_of(capability);
    const unsigned bit = now[number / 32].permitted & (1U << (number % 32));
    kept[number / 32].permitted |= bit;
    kept[number / 32].effective |= bit;
    kept[number / 32].inheritable |= bit;
  }
  return kept;
}

// Ambient ones are those that a program started later has, too.
Result<void> keep_only(const CapabilitySets& kept) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    return error("cannot give up ambient capabilities: {}", std::strerror(errno));
  if (::syscall(SYS_capset, &header, kept.data()) != 0)
    return error("cannot give up capabilities: {}", std::strerror(errno));
  for (unsigned number = 0; number < kept.size() * 32; ++number) {
    if ((kept[number / 32].permitted & (1U << (number % 32))) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
      return error("cannot keep capability {} for programs: {}", number, std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<void> drop_privileges() { return drop_privileges_except({}); }

Result<void> drop_privileges_except(std::initializer_list<Capability> kept) {
  const auto sets = sets_with_only(kept);
  if (!sets) return tl::unexpected(sets.error());
  if (is_root()) {
    // Else they would be lost with the name.
    if (kept.size() > 0 && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
      return error("cannot keep capabilities: {}", std::strerror(errno));
    if (auto changed = become(whom_to_become()); !changed) return changed;
  }
  if (auto done = keep_only(*sets); !done) return done;
  ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return error("cannot refuse new privileges: {}", std::strerror(errno));
  if (is_root() || (!is_root_of_a_user_namespace() && ::setuid(0) == 0))
    return error("privileges could not be given up; nothing more is done");
  return {};
}

}  // namespace spiderling
