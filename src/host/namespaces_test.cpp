#include "host/namespaces.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/program.h"

namespace spiderling {
namespace {

ino_t identity_of(const char* path) {
  struct stat about {};
  return ::stat(path, &about) == 0 ? about.st_ino : 0;
}
ino_t here() { return identity_of("/proc/thread-self/ns/net"); }

class Namespaces : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, run the tests with sudo to cover this";
  }
};

TEST_F(Namespaces, AreMadeWithoutLeavingTheOwn) {
  const ino_t before = here();
  const auto made = NetworkNamespace::make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(before, here());
  {
    const auto inside = InNamespace::enter(*made);
    ASSERT_TRUE(inside) << inside.error().message;
    EXPECT_NE(before, here());
    EXPECT_EQ(1u, ::if_nametoindex("lo"));
    EXPECT_EQ(0u, ::if_nametoindex("eth0"));
  }
  EXPECT_EQ(before, here());
}

TEST_F(Namespaces, ProgramsRunInThem) {
  const auto made = NetworkNamespace::make();
  ASSERT_TRUE(made) << made.error().message;
  ProgramRun run;
  run.words = {"sh", "-c", "echo $(ls /proc/self/net/dev_snmp6); cat /proc/net/route | wc -l"};
  run.network = &*made;
  const auto output = run_to_success(run);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ("lo\n1\n", *output);
}

TEST_F(Namespaces, AreFoundByPath) {
  const auto found = NetworkNamespace::open("/proc/self/ns/net");
  ASSERT_TRUE(found) << found.error().message;
  const auto missing = NetworkNamespace::open("/proc/self/ns/no");
  ASSERT_FALSE(missing);
  EXPECT_EQ("cannot open the network namespace /proc/self/ns/no: No such file or directory",
            missing.error().message);
}

}  // namespace
}  // namespace spiderling
