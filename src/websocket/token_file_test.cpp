#include "websocket/token_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace spiderling {
namespace {

Result<std::string> token_in(const std::string& content) {
  const std::string path = ::testing::TempDir() + "/token_file_test";
  std::ofstream(path) << content;
  auto token = read_token_file(path);
  std::remove(path.c_str());
  return token;
}

TEST(TokenFile, FirstLineWithoutSpaces) {
  EXPECT_EQ(token_in("abc-123_~+/=.\n").value(), "abc-123_~+/=.");
  EXPECT_EQ(token_in("  abc \r\nsecond line").value(), "abc");
}

TEST(TokenFile, NoToken) {
  EXPECT_FALSE(token_in(""));
  EXPECT_FALSE(token_in("\nabc"));
  EXPECT_FALSE(token_in("a b"));
  EXPECT_FALSE(token_in("a\x01"));
  EXPECT_FALSE(token_in(std::string(5000, 'a')));
  EXPECT_FALSE(read_token_file("/no/such/file"));
}

}  // namespace
}  // namespace spiderling
