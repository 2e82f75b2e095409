#include "connect/http2_answer.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <string>

#include "connect/test_http2.h"

namespace spiderling {
namespace {

using namespace testing::h2;
using State = Http2Answer::State;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const Http2Request request{"www.example.org", true, "spiderling"};

void feed_in_pieces(Http2Answer& answer, std::string_view bytes, std::size_t piece) {
  for (; !bytes.empty() && answer.state() == State::more; bytes.remove_prefix(std::min(piece, bytes.size())))
    answer.feed(bytes.substr(0, piece));
}

// A header block as a peer reads it (RFC 7541).
std::string unpacked(std::string block) {
  nghttp2_hd_inflater* inflater = nullptr;
  EXPECT_EQ(nghttp2_hd_inflate_new(&inflater), 0);
  std::string text;
  auto* at = reinterpret_cast<std::uint8_t*>(block.data());
  for (std::size_t left = block.size();;) {
    nghttp2_nv field{};
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, 1);
    EXPECT_GE(used, 0);
    if (used < 0) break;
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      text.append(reinterpret_cast<const char*>(field.name), field.namelen) += '=';
      text.append(reinterpret_cast<const char*>(field.value), field.valuelen) += ' ';
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_del(inflater);
  return text;
}

struct Case {
  const char* name;
  std::string said;
  State at_once;    // when all of it has come
  State when_over;  // when the peer has closed then
  unsigned status;
  std::string problem = {};
  std::size_t least_piece = 1;
};

class AnyFrames : public ::testing::TestWithParam<Case> {};

TEST_P(AnyFrames, MeanTheSameInAnyPieces) {
  const Case& tested = GetParam();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{13}, tested.said.size() + 1}) {
    if (piece < tested.least_piece) continue;
    Http2Answer answer;
    answer.ask(request);
    feed_in_pieces(answer, tested.said, piece);
    EXPECT_EQ(answer.state(), tested.at_once) << piece << ": " << answer.problem();
    answer.end();
    EXPECT_EQ(answer.state(), tested.when_over) << piece;
    EXPECT_EQ(answer.status(), tested.status) << piece;
    if (tested.problem.empty()) {
      EXPECT_EQ(answer.state() == State::failed, !answer.problem().empty()) << piece;
    } else {
      EXPECT_NE(answer.problem().find(tested.problem), std::string::npos)
          << piece << ": " << answer.problem();
    }
  }
}

std::string head(std::string_view block, std::uint8_t flags = end_headers | end_stream) {
  return empty_settings() + frame(headers, flags, 1, block);
}

INSTANTIATE_TEST_SUITE_P(
    Http2Answer, AnyFrames,
    ::testing::Values(
        Case{"Whole", answer(), State::done, State::done, 200},
        Case{"WithoutABody", head(status_404), State::done, State::done, 404},
        Case{"HeadInTwoFrames",
             empty_settings() + frame(headers, end_stream, 1) +
                 frame(continuation, end_headers, 1, status_200),
             // nghttp2 of Debian 12 counts a CONTINUATION that comes in more than eight pieces as that many.
             State::done, State::done, 200, "", 13},
        Case{"InterimAnswersArePassedOver",
             empty_settings() + frame(headers, end_headers, 1, status_103) +
                 frame(headers, end_headers | end_stream, 1, status_200),
             State::done, State::done, 200},
        Case{"OnlyAnInterimAnswer", empty_settings() + frame(headers, end_headers, 1, status_103),
             State::more, State::failed, 0, "closed before the answer"},
        Case{"ABodyCutOff", head(status_200, end_headers) + frame(data, 0, 1, "hel"), State::more,
             State::done, 200},
        Case{"ABodyThatIsReset", head(status_200, end_headers) + frame(rst_stream, 0, 1, big_endian(2, 4)),
             State::done, State::done, 200},
        Case{"OtherFramesFirst",
             empty_settings() + frame(window_update, 0, 0, big_endian(1000, 4)) +
                 frame(ping, 0, 0, "12345678") + frame(99, 0, 0, "of the future") +
                 frame(headers, end_headers | end_stream, 1, status_200),
             State::done, State::done, 200},
        Case{"Silence", "", State::more, State::failed, 0, "closed without an answer"},
        Case{"OnlySettings", empty_settings(), State::more, State::failed, 0, "closed before the answer"},
        Case{"NoSettings", frame(headers, end_headers | end_stream, 1, status_200), State::failed,
             State::failed, 0, "no HTTP/2"},
        Case{"GoAway", empty_settings() + frame(goaway, 0, 0, big_endian(0, 4) + big_endian(11, 4)),
             State::failed, State::failed, 0, "gave up the stream"},
        Case{"Reset", empty_settings() + frame(rst_stream, 0, 1, big_endian(7, 4)), State::failed,
             State::failed, 0, "REFUSED_STREAM"},
        Case{"OversizeFrame", empty_settings() + frame(data, 0, 1, std::string(100, 'x'), 1 << 20),
             State::failed, State::failed, 0, "no HTTP/2"},
        Case{"HpackGarbage", head("\xff\xff\xff\xff\xff\xff"), State::failed, State::failed, 0, "no HTTP/2"},
        Case{"AnIndexThatIsNotThere", head("\xfe"), State::failed, State::failed, 0, "no HTTP/2"},
        Case{"APush",
             empty_settings() +
                 frame(push_promise, end_headers, 1, big_endian(2, 4) + std::string(status_200)),
             State::more, State::failed, 0, "closed before the answer"},
        Case{"AFrameOfTheWrongLength", empty_settings() + frame(ping, 0, 0, "1234"), State::failed,
             State::failed, 0, "no HTTP/2"},
        Case{"AnotherProtocol", "SSH-2.0-OpenSSH_9.2\r\n", State::failed, State::failed, 0, "no HTTP/2"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Http2Answer, AsksOnceAndSaysHowItMayBeAnswered) {
  Http2Answer asking;
  asking.ask(request);
  const std::string said = asking.take_output();
  EXPECT_TRUE(said.starts_with(preface));
  EXPECT_EQ(said[preface.size() + 3], static_cast<char>(settings));
  EXPECT_TRUE(asking.take_output().empty());
  // Behind SETTINGS there is one frame of HEADERS, which ends the request.
  const std::size_t at = preface.size() + 9 + 4 * 6;
  ASSERT_GT(said.size(), at + 9);
  EXPECT_EQ(said.substr(at, 9),
            frame(headers, end_headers | end_stream, 1, said.substr(at + 9)).substr(0, 9));
  EXPECT_EQ(unpacked(said.substr(at + 9)),
            ":method=GET :scheme=https :authority=www.example.org :path=/ user-agent=spiderling accept=*/* ");
}

TEST(Http2Answer, AfterAnUpgradeTheAnswerIsOnStream1AndNothingIsAskedAgain) {
  Http2Answer asking;
  asking.ask_by_upgrade();
  const std::string said = asking.take_output();
  EXPECT_TRUE(said.starts_with(preface));
  EXPECT_EQ(said.size(), preface.size() + 9 + 4 * 6) << "SETTINGS, and no HEADERS";
  EXPECT_EQ(asking.feed(answer()), State::done);
  EXPECT_EQ(asking.status(), 200u);
}

// RFC 7540, section 3.2.1: what a frame of SETTINGS would carry, in base64url.
TEST(Http2Answer, TheSettingsOfAnUpgradeAreThoseOfTheFrame) {
  const std::string text = Http2Answer::upgrade_settings();
  EXPECT_EQ(text.size(), 4u * 6 * 4 / 3);
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_TRUE(text.starts_with("AAIAAAAA")) << "ENABLE_PUSH 0: 00 02 00 00 00 00";
}

TEST(Http2Answer, AcknowledgesWhatItIsAsked) {
  Http2Answer asking;
  asking.ask(request);
  asking.take_output();
  asking.feed(empty_settings() + frame(ping, 0, 0, "12345678"));
  EXPECT_EQ(asking.take_output(),
            frame(settings, acknowledged, 0) + frame(ping, acknowledged, 0, "12345678"));
}

TEST(Http2Answer, SaysGoodbye) {
  Http2Answer asking;
  asking.ask(request);
  asking.take_output();
  EXPECT_EQ(asking.feed(answer()), State::done);
  EXPECT_NE(asking.take_output().find(frame(goaway, 0, 0, big_endian(0, 4) + big_endian(0, 4)).substr(3)),
            std::string::npos);
}

// --- a peer that never ends

TEST(Http2Answer, NoPeerMakesItReadForEver) {
  const HttpLimits limits{.head_bytes = 4096, .body_bytes = 4096};
  const std::string unlimited[] = {
      frame(ping, 0, 0, "12345678"),
      empty_settings(),
      frame(window_update, 0, 0, big_endian(1, 4)),
      frame(99, 0, 0, "of the future"),
      frame(headers, end_headers, 1, status_103),
  };
  for (const std::string& one : unlimited) {
    Http2Answer answer(limits);
    answer.ask(request);
    answer.feed(empty_settings());
    std::size_t fed = 0;
    for (; answer.state() == State::more && fed < 1 << 20; fed += one.size()) {
      answer.feed(one);
      EXPECT_LT(answer.take_output().size(), 1000u);
    }
    EXPECT_EQ(answer.state(), State::failed);
    EXPECT_LE(fed, limits.head_bytes + limits.body_bytes + one.size());
  }
}

TEST(Http2Answer, AHeadWithoutEndIsNotKept) {
  Http2Answer answer({.head_bytes = 2000, .body_bytes = 4096});
  answer.ask(request);
  answer.feed(empty_settings() + frame(headers, 0, 1, status_200));
  // "x: y" as literals, 36 bytes of a header list each.
  for (int i = 0; i < 5 && answer.state() == State::more; ++i) {
    std::string block;
    for (int field = 0; field < 20; ++field) block += std::string("\x00\x01x\x01y", 5);
    answer.feed(frame(continuation, 0, 1, block));
  }
  EXPECT_EQ(answer.state(), State::failed);
  EXPECT_EQ(answer.problem(), "a header without end");
}

TEST(Http2Answer, ABodyWithoutEndIsLeftAtTheLimit) {
  Http2Answer answer;
  answer.ask(request);
  answer.feed(head(status_200, end_headers));
  std::size_t fed = 0;
  for (; answer.state() == State::more && fed < 1 << 20; fed += 8192)
    answer.feed(frame(data, 0, 1, std::string(8192, 'x')));
  EXPECT_EQ(answer.state(), State::done);
  EXPECT_TRUE(answer.stopped_at_limit());
  EXPECT_EQ(fed, 32u << 10) << "the window, which is never opened again";
}

}  // namespace
}  // namespace spiderling
