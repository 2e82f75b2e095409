#include "host/privileges.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>

namespace spiderling {
namespace {

/// Runs `check` in a child, which may lose what it likes; what it returns is 0 if all is well, else which
/// step failed.
int in_child(const std::function<int()>& check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string status_line(const std::string& name) {
  std::ifstream file("/proc/thread-self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  return {};
}

int expect_powerless() {
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 10;
  for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"})
    if (status_line(set) != "0000000000000000") return 11;
  if (::socket(AF_PACKET, SOCK_RAW, 0) >= 0) return 12;
  if (::setuid(0) == 0) return 13;
  return 0;
}

TEST(Privileges, RootBecomesTheUserWhoCalledSudo) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  EXPECT_EQ(0, in_child([] {
              ::setenv("SUDO_UID", "12345", 1);
              ::setenv("SUDO_GID", "23456", 1);
              if (!drop_privileges()) return 1;
              if (::getuid() != 12345 || ::geteuid() != 12345 || ::getgid() != 23456 || ::getegid() != 23456)
                return 2;
              if (::getgroups(0, nullptr) != 0) return 3;
              return expect_powerless();
            }));
}

TEST(Privileges, RootBecomesNobodyWithoutSudo) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  for (const char* odd : {"", "0", "-1", "12x", "99999999999"}) {
    EXPECT_EQ(0, in_child([odd] {
                ::setenv("SUDO_UID", odd, 1);
                ::setenv("SUDO_GID", odd, 1);
                if (!drop_privileges()) return 1;
                if (::getuid() == 0 || ::getgid() == 0) return 2;
                return expect_powerless();
              }))
        << odd;
  }
}

TEST(Privileges, WhatIsOpenStaysOpen) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  EXPECT_EQ(0, in_child([] {
              const int open = ::socket(AF_PACKET, SOCK_RAW, 0);
              if (open < 0) return 1;
              if (!drop_privileges()) return 2;
              return ::fcntl(open, F_GETFD) >= 0 ? 0 : 3;
            }));
}

TEST(Privileges, UserWithoutAnyKeepsTheName) {
  EXPECT_EQ(0, in_child([] {
              if (::geteuid() == 0 && (::setgid(4321) != 0 || ::setuid(4321) != 0)) return 1;
              const uid_t before = ::getuid();
              if (!drop_privileges()) return 2;
              if (::getuid() != before) return 3;
              if (!drop_privileges()) return 4;  // again: nothing more to lose
              return expect_powerless();
            }));
}

}  // namespace
}  // namespace spiderling
