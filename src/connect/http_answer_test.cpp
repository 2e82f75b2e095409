#include "connect/http_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace spiderling {
namespace {

using State = HttpAnswer::State;

State feed_in_pieces(HttpAnswer& answer, std::string_view bytes, std::size_t piece) {
  for (; !bytes.empty() && answer.state() == State::more; bytes.remove_prefix(std::min(piece, bytes.size())))
    answer.feed(bytes.substr(0, piece));
  return answer.state();
}

struct Case {
  const char* name;
  std::string answer;
  State at_once;    // when all of it has come
  State when_over;  // when the peer has closed then
  unsigned status;
  std::string problem = {};
};

class AnyPieces : public ::testing::TestWithParam<Case> {};

TEST_P(AnyPieces, MeanTheSame) {
  const Case& tested = GetParam();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, tested.answer.size() + 1}) {
    HttpAnswer answer;
    EXPECT_EQ(feed_in_pieces(answer, tested.answer, piece), tested.at_once) << piece;
    EXPECT_EQ(answer.end(), tested.when_over) << piece;
    EXPECT_EQ(answer.status(), tested.status) << piece;
    EXPECT_EQ(answer.problem(), tested.problem) << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(
    HttpAnswer, AnyPieces,
    ::testing::Values(
        Case{"Whole", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", State::done, State::done, 200},
        Case{"WithoutABody", "HTTP/1.1 204 No Content\r\n\r\n", State::done, State::done, 204},
        Case{"Version10UntilTheEnd", "HTTP/1.0 404 Not Found\r\n\r\nnothing here", State::more, State::done,
             404},
        Case{"WithoutAReason", "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", State::done, State::done, 503},
        Case{"Chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             State::done, State::done, 200},
        Case{"ChunkedWithATrailer",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n0\r\nA: b\r\n\r\n",
             State::done, State::done, 200},
        Case{"ABadChunkChangesNothing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             State::done, State::done, 200},
        Case{"ABodyCutOff", "HTTP/1.1 301 Moved\r\nContent-Length: 500\r\n\r\nhello", State::more,
             State::done, 301},
        Case{"InterimAnswersArePassedOver",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
             "Content-Length: 0\r\n\r\n",
             State::done, State::done, 200},
        Case{"OnlyAnInterimAnswer", "HTTP/1.1 100 Continue\r\n\r\n", State::more, State::failed, 0,
             "closed in the middle of the header"},
        Case{"SwitchingProtocolsIsAnAnswer", "HTTP/1.1 101 Switching Protocols\r\n\r\n", State::done,
             State::done, 101},
        Case{"Nothing", "", State::more, State::failed, 0, "closed without an answer"},
        Case{"HalfAStatusLine", "HTTP/1.1 20", State::more, State::failed, 0,
             "closed in the middle of the header"},
        Case{"HalfAHead", "HTTP/1.1 200 OK\r\nServer: x\r\n", State::more, State::failed, 0,
             "closed in the middle of the header"},
        Case{"AnotherProtocol", "SSH-2.0-OpenSSH_9.2\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1"},
        Case{"AlmostHttp", "HTTP/2.0 200 OK\r\n\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1"},
        Case{"NoStatus", "HTTP/1.1 abc OK\r\n\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1: bad status"},
        Case{"StatusZero", "HTTP/1.1 000 OK\r\n\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1: bad status"},
        Case{"ABadField", "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1: bad field"},
        Case{"ABadLength", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", State::failed, State::failed, 0,
             "the answer is no HTTP/1: bad Content-Length"}),
    [](const auto& tested) { return tested.param.name; });

TEST(HttpAnswer, AHeadWithoutEndIsGivenUp) {
  for (const std::string_view line : {"X-Padding: 0123456789\r\n", "0123456789"}) {
    HttpAnswer answer({.head_bytes = 1000, .body_bytes = 1000});
    std::size_t sent = answer.feed("HTTP/1.1 200 OK\r\nA: ") == State::more ? 20 : 0;
    while (answer.state() == State::more && sent < 10'000) {
      answer.feed(line);
      sent += line.size();
    }
    EXPECT_EQ(answer.state(), State::failed);
    EXPECT_EQ(answer.problem(), "a header without end");
    EXPECT_LT(sent, 1100u);
    EXPECT_EQ(answer.status(), 0u);
  }
}

TEST(HttpAnswer, SoAreInterimAnswersWithoutEnd) {
  HttpAnswer answer({.head_bytes = 1000, .body_bytes = 1000});
  int count = 0;
  while (answer.feed("HTTP/1.1 100 Continue\r\n\r\n") == State::more) ASSERT_LT(++count, 100);
  EXPECT_EQ(answer.problem(), "a header without end");
}

TEST(HttpAnswer, ABodyWithoutEndIsReadToTheLimit) {
  for (const std::string head :
       {"\r\n", "Content-Length: 99999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"}) {
    HttpAnswer answer({.head_bytes = 1000, .body_bytes = 1000});
    answer.feed("HTTP/1.1 200 OK\r\n" + head);
    EXPECT_EQ(answer.status(), 200u);
    int count = 0;
    while (answer.feed("0;aaaaaaaa") == State::more) ASSERT_LT(++count, 200);
    EXPECT_EQ(answer.state(), State::done);
    EXPECT_TRUE(answer.stopped_at_limit());
  }
}

TEST(HttpAnswer, OneLongPieceIsNoMoreThanTheLimitEither) {
  HttpAnswer answer({.head_bytes = 100, .body_bytes = 100});
  EXPECT_EQ(answer.feed("HTTP/1.1 200 OK\r\nA: " + std::string(5000, 'x')), State::failed);
}

}  // namespace
}  // namespace spiderling
