#include "host/capabilities.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "host/privileges.h"

namespace spiderling {
namespace {

template <class Check>
int in_child(const Check& check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Capabilities, WhatIsMissingIsNamedWithWhatStillWorks) {
  EXPECT_EQ(
      0, in_child([] {
        if (!drop_privileges()) return 1;
        if (has_capability(Capability::net_raw)) return 2;
        const auto able = need_capabilities("cannot measure", {Capability::net_raw, Capability::net_admin});
        if (able) return 3;
        const std::string& message = able.error().message;
        for (const char* part : {"cannot measure: ", "CAP_NET_RAW", "CAP_NET_ADMIN", "still", "sudo"})
          if (message.find(part) == std::string::npos) return 4;
        return message.find("CAP_SYS_ADMIN") == std::string::npos ? 0 : 5;
      }));
}

TEST(Capabilities, NothingNeededIsNothingMissing) { EXPECT_TRUE(need_capabilities("x", {})); }

TEST(Capabilities, RootHasThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  if (!has_capability(Capability::net_admin)) GTEST_SKIP() << "SKIPPED: root without capabilities";
  EXPECT_TRUE(need_capabilities("x", {Capability::net_admin}));
}

TEST(Capabilities, SomeAreKeptWhenPrivilegesAreDropped) {
  if (!has_capability(Capability::net_admin))
    GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  EXPECT_EQ(0, in_child([] {
              if (!drop_privileges_except({Capability::net_admin})) return 1;
              if (::geteuid() == 0) return 2;
              if (!has_capability(Capability::net_admin)) return 3;
              if (has_capability(Capability::net_raw) || has_capability(Capability::sys_admin)) return 4;
              if (::setuid(0) == 0) return 5;
              if (!drop_privileges()) return 6;
              return has_capability(Capability::net_admin) ? 7 : 0;
            }));
}

}  // namespace
}  // namespace spiderling
