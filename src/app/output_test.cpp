#include "app/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace spiderling::app {
namespace {

TEST(Output, writes_a_file_whole) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("spiderling_output_{}", getpid());
  {
    auto output = Output::open(path.string());
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->write("one\n"), Output::Status::ok);
    EXPECT_EQ(output->write("two\n"), Output::Status::ok);
    EXPECT_FALSE(output->is_terminal());
  }
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, "one\ntwo\n");
  std::filesystem::remove(path);
}

TEST(Output, says_why_it_cannot_be_opened) {
  const auto output = Output::open("/nonexistent/folder/records");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().message, "cannot write /nonexistent/folder/records: No such file or directory");
}

TEST(Output, a_full_disk_is_final_and_has_a_reason) {
  auto output = Output::open("/dev/full");
  ASSERT_TRUE(output);
  EXPECT_EQ(output->write("record\n"), Output::Status::failed);
  EXPECT_EQ(output->write("record\n"), Output::Status::failed);
  EXPECT_EQ(output->reason(), "/dev/full: No space left on device");
}

TEST(Output, a_reader_that_went_away_is_no_failure) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto output = Output::open(fmt::format("/proc/self/fd/{}", ends[1]));
  ASSERT_TRUE(output) << output.error().message;
  close(ends[0]);
  EXPECT_EQ(output->write("record\n"), Output::Status::closed_by_reader);
  close(ends[1]);
}

}  // namespace
}  // namespace spiderling::app
