#include "base/json_text.h"

#include <gtest/gtest.h>

namespace spiderling {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, PlainTextIsQuoted) { EXPECT_EQ(quoted("DNSLookupChef"), R"("DNSLookupChef")"); }
TEST(JsonText, EmptyText) { EXPECT_EQ(quoted(""), R"("")"); }
TEST(JsonText, QuotesAndBackslashes) { EXPECT_EQ(quoted(R"(a"b\c)"), R"("a\"b\\c")"); }
TEST(JsonText, NewlinesDoNotEndALogLine) { EXPECT_EQ(quoted("a\r\nb\tc"), R"("a\r\nb\tc")"); }
TEST(JsonText, EscapeSequencesDoNotReachATerminal) {
  EXPECT_EQ(quoted("\x1b[2J\x7f"), R"("\u001b[2J\u007f")");
}
TEST(JsonText, C1ControlsAreEscaped) { EXPECT_EQ(quoted("\xc2\x9b"), R"("\u009b")"); }
TEST(JsonText, ZeroByte) { EXPECT_EQ(quoted(std::string_view("a\0b", 3)), R"("a\u0000b")"); }
TEST(JsonText, Utf8StaysAsItIs) { EXPECT_EQ(quoted("grüße 🥟"), "\"grüße 🥟\""); }

TEST(JsonText, InvalidUtf8IsReplaced) {
  EXPECT_EQ(quoted("a\xff"
                   "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(quoted("\xc3"), "\"\xEF\xBF\xBD\"");                                  // cut
  EXPECT_EQ(quoted("\xc0\xaf"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // overlong
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // surrogate
  EXPECT_EQ(quoted("\xf5\x80\x80\x80").find('\xf5'), std::string::npos);          // beyond U+10FFFF
}

}  // namespace
}  // namespace spiderling
