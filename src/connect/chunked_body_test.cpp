#include "connect/chunked_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace spiderling {
namespace {

/// After how many bytes the body ends, by pieces of that size; npos: it goes on.
std::size_t end_of(const std::string& bytes, std::size_t piece) {
  ChunkedBody body;
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    if (body.feed(std::string_view(bytes).substr(at, piece))) return std::min(at + piece, bytes.size());
  return std::string::npos;
}

TEST(ChunkedBody, EndsWhereItSaysAndNotBefore) {
  for (const std::string body :
       {"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "A;name=\"value\"\r\n0123456789\r\n000\r\n\r\n",
        "1\nx\n0\n\n", "3\r\n0\r\n\r\n0\r\nTrailer: 1\r\nAnother: 2\r\n\r\n",
        "5 \r\n\r\n0\r\n\r\n0;\r\n\r\n"}) {
    EXPECT_EQ(end_of(body, 1), body.size()) << body;
    for (const std::size_t piece : {2u, 3u, 1000u}) EXPECT_LE(end_of(body, piece), body.size()) << body;
    EXPECT_EQ(end_of(body.substr(0, body.size() - 1), 1), std::string::npos) << body;
  }
}

TEST(ChunkedBody, IsOverWhenItIsNotChunked) {
  EXPECT_EQ(end_of("x", 1), 1u);
  EXPECT_EQ(end_of("<html>", 1), 1u);
  EXPECT_EQ(end_of("1\r\nab", 1), 5u) << "a chunk that is longer than it says";
  EXPECT_EQ(end_of("fffffffffffffffffffffff", 1), 16u) << "a size beyond all measure";
}

}  // namespace
}  // namespace spiderling
