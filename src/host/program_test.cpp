#include "host/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

namespace spiderling {
namespace {

ProgramRun shell(std::string script, std::string input = {}) {
  ProgramRun run;
  run.words = {"sh", "-c", std::move(script)};
  run.input = std::move(input);
  return run;
}

TEST(Program, GivesInputAndTakesBothStreams) {
  const auto end = run_program(shell("cat; echo wrong >&2; exit 3", "right"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(3, end->status);
  EXPECT_EQ("right", end->output);
  EXPECT_EQ("wrong\n", end->errors);
}

TEST(Program, InputCanBeOpenedAnew) {
  const auto end = run_program(shell("cat /dev/stdin", "as nft -f - does"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ("as nft -f - does", end->output);
}

TEST(Program, KeepsNoMoreThanAskedAndReadsOn) {
  ProgramRun run = shell("head -c 3000000 /dev/zero; echo end >&2");
  run.max_output = 1000;
  const auto end = run_program(run);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(0, end->status);
  EXPECT_EQ(1000u, end->output.size());
  EXPECT_EQ("end\n", end->errors);
}

TEST(Program, InputThatNobodyReadsIsNoTrouble) {
  const auto end = run_program(shell("exit 0", std::string(3'000'000, 'x')));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(0, end->status);
}

TEST(Program, IsKilledAtItsDeadline) {
  for (const char* script : {"exec sleep 1000", "exec >&- 2>&-; exec sleep 1000"}) {
    ProgramRun run = shell(script);
    run.deadline = std::chrono::milliseconds(50);
    const auto end = run_program(run);
    ASSERT_FALSE(end) << script;
    EXPECT_EQ("sh did not end within 50 ms and was killed", end.error().message);
  }
}

TEST(Program, ASignalIsAStatus) {
  const auto end = run_program(shell("kill -TERM $$"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(128 + SIGTERM, end->status);
}

TEST(Program, FailureNamesWhatItSaid) {
  const auto output = run_to_success(shell("echo 'no such table' >&2; echo more >&2; exit 1"));
  ASSERT_FALSE(output);
  EXPECT_EQ("sh failed with status 1: no such table", output.error().message);
  EXPECT_EQ("fine\n", run_to_success(shell("echo fine")).value());
}

TEST(Program, ThatIsNotThere) {
  ProgramRun run;
  run.words = {"no-such-program-anywhere"};
  const auto end = run_program(run);
  ASSERT_FALSE(end);
  EXPECT_EQ("there is no program 'no-such-program-anywhere' here", end.error().message);
}

TEST(Program, MayBeCalledByAnotherName) {
  int ends[2];
  ASSERT_EQ(0, ::pipe(ends));
  ProgramStart start;
  start.words = {"sh", "-c", "echo $0"};
  start.name = "by-another-name";
  start.output = ends[1];
  const auto child = start_program(start);
  ASSERT_TRUE(child) << child.error().message;
  ::close(ends[1]);
  char said[64] = {};
  EXPECT_LT(0, ::read(ends[0], said, sizeof said));
  EXPECT_STREQ("by-another-name\n", said);
  ::close(ends[0]);
  ::waitpid(*child, nullptr, 0);
}

TEST(Program, SbinIsLookedInToo) {
  const auto sh = find_program("sh");
  ASSERT_TRUE(sh);
  EXPECT_EQ(sh, find_program(*sh));
  EXPECT_FALSE(find_program("/bin"));  // a folder can be "executed", but is no program
}

TEST(Program, HasNoDescriptorOfOursAndUsualSignals) {
  const FileDescriptor leaky(::open("/dev/null", O_RDONLY));  // without close-on-exec
  ASSERT_TRUE(leaky);
  ::signal(SIGPIPE, SIG_IGN);
  const auto end = run_program(shell("ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status"));
  ::signal(SIGPIPE, SIG_DFL);
  ASSERT_TRUE(end) << end.error().message;
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_EQ("4\nSigIgn:\t0000000000000000\n", end->output);
}

TEST(Program, DiesWithItsParent) {
  int ends[2];
  ASSERT_EQ(0, ::pipe(ends));
  const pid_t parent = ::fork();
  if (parent == 0) {
    ProgramStart start;
    start.words = {"sleep", "1000"};
    start.output = ends[1];  // open as long as it lives
    const auto child = start_program(start);
    ::_exit(child ? 0 : 1);
  }
  ::close(ends[1]);
  int status = 0;
  ::waitpid(parent, &status, 0);
  EXPECT_EQ(0, exit_status(status));
  char none = 0;
  EXPECT_EQ(0, ::read(ends[0], &none, 1));  // returns when the last writer is gone
  ::close(ends[0]);
}

}  // namespace
}  // namespace spiderling
