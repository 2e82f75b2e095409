#include "websocket/message_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace spiderling {
namespace {

using Kind = MessageReader::Kind;

// What a reader makes of bytes that come in pieces of a size: "text:hello ping: ...", and how it ends.
std::string read_all(std::string_view bytes, std::size_t piece, MessageReader::Options options = {}) {
  MessageReader reader(options);
  std::string out;
  constexpr std::string_view names[] = {"text", "binary", "ping", "pong", "close"};
  while (!bytes.empty() && !reader.failed()) {
    const auto room = reader.prepare();
    const std::size_t now = std::min({piece, room.size(), bytes.size()});
    EXPECT_GT(room.size(), 0u);
    std::copy_n(bytes.begin(), now, room.begin());
    reader.commit(now);
    bytes.remove_prefix(now);
    while (reader.next())
      out += fmt::format("{}:{} ", names[static_cast<int>(reader.kind())], reader.payload());
  }
  if (reader.failed()) out += fmt::format("!{}", reader.close_code());
  return out;
}

std::string frame(unsigned first_byte, std::string_view payload) {
  std::string bytes;
  append_frame(bytes, Opcode::text, payload);
  bytes[0] = static_cast<char>(first_byte);
  return bytes;
}

TEST(MessageReader, MessagesAndControlFramesInPiecesOfAnySize) {
  std::string bytes =
      frame(0x81, "hello") + frame(0x82, "bin") + frame(0x89, "p") + frame(0x8a, "") + frame(0x81, "");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(read_all(bytes, piece), "text:hello binary:bin ping:p pong: text: ");
  }
}

TEST(MessageReader, FragmentsAreJoinedAroundControlFrames) {
  const std::string bytes = frame(0x01, "one ") + frame(0x89, "ping") + frame(0x00, "two ") +
                            frame(0x80, "three") + frame(0x81, "next");
  for (const std::size_t piece : {1u, 3u, 1000u}) {
    EXPECT_EQ(read_all(bytes, piece), "ping:ping text:one two three text:next ");
  }
}

TEST(MessageReader, MasksAreTakenOff) {
  std::string bytes;
  append_masked_frame(bytes, Opcode::text, "Hello, masked world", {1, 2, 3, 250});
  append_masked_frame(bytes, Opcode::ping, "x", {9, 8, 7, 6});
  EXPECT_EQ(bytes.find("Hello"), std::string::npos);
  EXPECT_EQ(read_all(bytes, 4, {.masked = true}), "text:Hello, masked world ping:x ");
}

TEST(MessageReader, LengthsOfTwoAndEightBytes) {
  for (const std::size_t size : {125u, 126u, 127u, 65535u, 65536u, 300'000u}) {
    std::string bytes;
    append_frame(bytes, Opcode::text, std::string(size, 'a'));
    EXPECT_EQ(bytes.size(), frame_size(size, false));
    append_frame(bytes, Opcode::text, "end");
    EXPECT_EQ(read_all(bytes, 50'000), "text:" + std::string(size, 'a') + " text:end ");
    EXPECT_EQ(read_all(bytes, 1 << 20, {.buffer_bytes = 100}),
              "text:" + std::string(size, 'a') + " text:end ");
  }
}

TEST(MessageReader, ViolationsNameTheirCloseCode) {
  EXPECT_EQ(read_all(frame(0xc1, "x"), 9), "!1002") << "reserved bit";
  EXPECT_EQ(read_all(frame(0x83, "x"), 9), "!1002") << "unknown opcode";
  EXPECT_EQ(read_all(frame(0x8b, "x"), 9), "!1002") << "unknown control opcode";
  EXPECT_EQ(read_all(frame(0x09, "x"), 9), "!1002") << "fragmented ping";
  EXPECT_EQ(read_all(frame(0x89, std::string(126, 'x')), 999), "!1002") << "long ping";
  EXPECT_EQ(read_all(frame(0x80, "x"), 9), "!1002") << "continuation of nothing";
  EXPECT_EQ(read_all(frame(0x01, "x") + frame(0x81, "y"), 99), "!1002") << "message inside a message";
  EXPECT_EQ(read_all(frame(0x88, "x"), 9), "!1002") << "close with half a code";
  EXPECT_EQ(read_all(frame(0x88, std::string("\x03\xed", 2)), 9), "!1002") << "close code 1005";
  EXPECT_EQ(read_all(frame(0x81, "\xff"), 9), "!1007") << "not UTF-8";
  EXPECT_EQ(read_all(frame(0x82, "\xff"), 9), "binary:\xff ") << "binary may be anything";
  EXPECT_EQ(read_all(frame(0x81, "x"), 9, {.masked = true}), "!1002") << "client frame without mask";
}

TEST(MessageReader, UnicodeAcrossFragments) {
  EXPECT_EQ(read_all(frame(0x01, "\xc3") + frame(0x80, "\xa4"), 99), "text:\xc3\xa4 ");
  EXPECT_EQ(read_all(frame(0x01, "\xc3") + frame(0x80, "x"), 99), "!1007");
}

TEST(MessageReader, TooLongIsRefusedBeforeItComes) {
  std::string bytes;
  append_frame(bytes, Opcode::text, std::string(1001, 'a'));
  EXPECT_EQ(read_all(bytes.substr(0, 4), 4, {.max_message_bytes = 1000}), "!1009");
  EXPECT_EQ(read_all(frame(0x01, std::string(600, 'a')) + frame(0x00, std::string(401, 'a')), 2000,
                     {.max_message_bytes = 1000}),
            "!1009");
  const std::string lie("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
  EXPECT_EQ(read_all(lie, 10), "!1009");
  EXPECT_EQ(read_all(std::string("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), 10), "!1002");
}

TEST(MessageReader, RandomBytesNeverHangOrCrash) {
  std::minstd_rand random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 7 == 0 ? random() : 0x81 + random() % 10);
    read_all(bytes, 1 + random() % 64,
             {.masked = round % 2 == 0, .max_message_bytes = 500, .buffer_bytes = 16});
  }
}

TEST(CloseFrame, CodeAndReason) {
  std::uint16_t code = 0;
  std::string_view reason;
  const std::string payload = close_payload(4102, "dumpling eater is full");
  EXPECT_TRUE(parse_close(payload, code, reason));
  EXPECT_EQ(code, 4102);
  EXPECT_EQ(reason, "dumpling eater is full");
  EXPECT_TRUE(parse_close("", code, reason));
  EXPECT_EQ(code, close_code::no_status);
  EXPECT_EQ(close_payload(close_code::no_status, "x"), "");
}

TEST(CloseFrame, LongReasonIsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xc3\xa4";
  const std::string payload = close_payload(1000, text);
  EXPECT_LE(payload.size(), 125u);
  std::uint16_t code = 0;
  std::string_view reason;
  EXPECT_TRUE(parse_close(payload, code, reason));
}

}  // namespace
}  // namespace spiderling
