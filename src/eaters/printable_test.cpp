#include "eaters/printable.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace spiderling {
namespace {

class Printable : public ::testing::Test {
 protected:
  Printable() {
    setenv("TZ", "CET-1", 1);
    tzset();
    dumpling_.chef = "DNSLookupChef";
    dumpling_.kitchen = "default_kitchen";
    dumpling_.creation_time = 1515990765.925951;
    dumpling_.payload = R"({"lookup":{"hostname":"myspace.com"}})";
  }
  ~Printable() override {
    unsetenv("TZ");
    tzset();
  }
  EatenDumpling dumpling_;
};

TEST_F(Printable, Dumpling) {
  EXPECT_EQ(printable_dumpling(dumpling_, {}),
            "2018-01-15T05:32:45.925951 [packet  ] DNSLookupChef from default_kitchen\n\n"
            "{\n    \"lookup\": {\n        \"hostname\": \"myspace.com\"\n    }\n}\n\n");
  dumpling_.driver = DumplingDriver::interval;
  dumpling_.kitchen = std::nullopt;
  EXPECT_EQ(printable_dumpling(dumpling_, {.payload = false}),
            "2018-01-15T05:32:45.925951 [interval] DNSLookupChef from None\n");
  EXPECT_EQ(printable_dumpling(dumpling_, {.payload = false, .color = true}),
            "2018-01-15T05:32:45.925951 [interval] \x1b[1mDNSLookupChef\x1b[0m from \x1b[1mNone\x1b[0m\n");
}

TEST_F(Printable, NamesDoNothingToATerminal) {
  dumpling_.kitchen = "a\x1b[2Jb\nc\x7f\xc2\x9b d\xc3\xa4";
  EXPECT_EQ(
      printable_dumpling(dumpling_, {.payload = false}),
      "2018-01-15T05:32:45.925951 [packet  ] DNSLookupChef from a\\x1b[2Jb\\x0ac\\x7f\\x9b d\xc3\xa4\n");
}

TEST_F(Printable, IsoTimesAsPythonGivesThem) {
  EXPECT_EQ(local_iso_time(0), "1970-01-01T01:00:00");
  EXPECT_EQ(local_iso_time(-0.5), "1970-01-01T00:59:59.500000");
  EXPECT_EQ(local_iso_time(1.0000004), "1970-01-01T01:00:01");
  EXPECT_EQ(local_iso_time(1.9999999), "1970-01-01T01:00:02");
  EXPECT_EQ(local_iso_time(1e300), "1e+300");
  EXPECT_EQ(local_iso_time(-1e300), "-1e+300");
}

TEST_F(Printable, StatusLine) {
  const auto now = std::chrono::system_clock::from_time_t(1515990765);
  EXPECT_EQ(status_line(R"({"total_dumplings_in":7,"total_dumplings_out":9,"server_uptime":65.9,
                            "dumpling_kitchen_count":1,"dumpling_eater_count":2})",
                        now, false),
            "2018-01-15 05:32:45  uptime: 00:01:05  dumplings in: 7  out: 9  kitchens: 1  eaters: 2 ");
  EXPECT_EQ(status_line(R"({"server_uptime":360000,"total_dumplings_in":"x\u001b"})", now, true),
            "2018-01-15 05:32:45  uptime: \x1b[1m100:00:00\x1b[0m  dumplings in: \x1b[1m?\x1b[0m  out: "
            "\x1b[1m?\x1b[0m  "
            "kitchens: \x1b[1m?\x1b[0m  eaters: \x1b[1m?\x1b[0m ");
  for (const char* payload : {"[]", "1", R"({"server_uptime":1e300})", R"({"server_uptime":-5})",
                              R"({"x":"\ud800","server_uptime":1e999})"}) {
    EXPECT_EQ(status_line(payload, now, false),
              "2018-01-15 05:32:45  uptime: ?  dumplings in: ?  out: ?  kitchens: ?  eaters: ? ");
  }
}

TEST(OneLine, LineEndsBecomeSpaces) {
  EXPECT_EQ(one_line("{\r\n\"a\": \"b\\n\"}\n"), "{  \"a\": \"b\\n\"} \n");
}

}  // namespace
}  // namespace spiderling
