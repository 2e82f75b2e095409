// Over a network that is made up: each target and the path to it do as they are told.
#include <spiderling/testing.h>

#include <cstdio>

using namespace spiderling;
using namespace spiderling::testing;

int failures = 0;

void expect(const TargetResult& result, const std::vector<std::string>& conditions) {
  if (result.conditions == conditions) return;
  ++failures;
  std::fprintf(stderr, "these conditions were not expected:\n");
  for (const std::string& one : result.conditions) std::fprintf(stderr, "  %s\n", one.c_str());
}

int main() {
  const auto is_marked = [](const Packet& packet) { return packet.dscp() == 46; };
  FakeTarget marks = answers();
  marks.dscp = 8;

  const auto results = MeasurementTest("new_plugin").run({
      {"plain", answers()},
      {"marks", marks},
      {"drops", drops(is_marked)},
      {"silent", silent()},
  });
  expect(results.at("plain"), {"new_plugin.connectivity.works", "new_plugin.replymark:0"});
  expect(results.at("marks"), {"new_plugin.connectivity.works", "new_plugin.replymark:8"});
  expect(results.at("drops"), {"new_plugin.connectivity.broken"});
  expect(results.at("silent"), {"new_plugin.connectivity.offline"});

  MeasurementTest other("new_plugin");
  other.options({"--codepoint", "10"});
  expect(other.run({{"drops", drops(is_marked)}}).at("drops"),
         {"new_plugin.connectivity.works", "new_plugin.replymark:0"});

  return failures == 0 ? 0 : 1;
}
