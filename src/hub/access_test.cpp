#include "hub/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <vector>

namespace spiderling {
namespace {

using ::testing::HasSubstr;

const std::vector<std::uint16_t> ports{11347, 11348};

bool allowed(std::string_view origin, std::vector<std::string> listed = {},
             std::string_view local = "127.0.0.1") {
  return origin_is_allowed(origin, local, ports, listed);
}

TEST(Origin, WhatIsNoBrowserHasNone) { EXPECT_TRUE(allowed("")); }

TEST(Origin, TheHubsOwn) {
  EXPECT_TRUE(allowed("http://localhost:11348"));
  EXPECT_TRUE(allowed("http://127.0.0.1:11348"));
  EXPECT_TRUE(allowed("https://LOCALHOST:11347"));
  EXPECT_TRUE(allowed("http://[::1]:11348"));
  EXPECT_TRUE(allowed("http://192.0.2.7:11348", {}, "192.0.2.7"));
  EXPECT_TRUE(allowed("http://[2001:db8::7]:11348", {}, "2001:db8::7"));
}

TEST(Origin, OthersAreNot) {
  for (const char* origin :
       {"http://evil.example", "http://evil.example:11348", "http://localhost", "http://localhost:8080",
        "null", "file://", "http://localhost:11348.evil.example", "http://localhost.evil.example:11348",
        "http://192.0.2.7:11348", "http://", "http://:11348", "ftp://localhost:11348", "localhost:11348",
        "http://evil@localhost:11348", "http://[::1", "]:[", ":"}) {
    EXPECT_FALSE(allowed(origin)) << origin;
  }
}

TEST(Origin, Listed) {
  EXPECT_TRUE(allowed("https://dashboard.example", {"https://a.example", "https://dashboard.example"}));
  EXPECT_TRUE(allowed("null", {"null"}));
  EXPECT_TRUE(allowed("http://anything", {"*"}));
  EXPECT_FALSE(allowed("https://dashboard.example:1", {"https://dashboard.example"}));
}

TEST(Token, Same) {
  EXPECT_TRUE(same_token("0123456789abcdef", "0123456789abcdef"));
  EXPECT_FALSE(same_token("0123456789abcdeF", "0123456789abcdef"));
  EXPECT_FALSE(same_token("0123456789abcde", "0123456789abcdef"));
  EXPECT_FALSE(same_token("0123456789abcdef0123456789abcdef", "0123456789abcdef"));
  EXPECT_FALSE(same_token("", "0123456789abcdef"));
}

class TokenFile : public testing::Test {
 protected:
  void write(std::string_view text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string problem() const {
    const auto token = read_hub_token_file(path_);
    return token ? std::string() : token.error().message;
  }
  void TearDown() override { unlink(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "spiderling_token_" + std::to_string(getpid());
};

TEST_F(TokenFile, FirstLineWithoutSpace) {
  write("  0123456789abcdef \r\nsecond line\n");
  EXPECT_EQ(read_hub_token_file(path_), "0123456789abcdef");
}
TEST_F(TokenFile, Missing) { EXPECT_THAT(problem(), HasSubstr("No such file")); }
TEST_F(TokenFile, TooShort) {
  write("secret\n");
  EXPECT_THAT(problem(), HasSubstr("must have at least 16"));
}
TEST_F(TokenFile, ReadableByEverybody) {
  write("0123456789abcdef\n", 0644);
  EXPECT_THAT(problem(), HasSubstr("chmod 600"));
}
}  // namespace
}  // namespace spiderling
