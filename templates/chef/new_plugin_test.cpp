// Packets in, the payloads of the dumplings out.
#include <spiderling/testing.h>

#include <cstdio>

using namespace spiderling;
using namespace spiderling::testing;

int failures = 0;

void check(const char* what, bool right) {
  if (right) return;
  ++failures;
  std::fprintf(stderr, "not so: %s\n", what);
}

int main() {
  const ChefRun run = run_chef("NewPlugin", {
      "10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:www.example.org",
      "10.0.0.2:53 > 10.0.0.1:4000 udp dns=response:www.example.org",
      "10.0.0.1:4000 > 10.0.0.2:53 udp text=\"no DNS at all\"",
      "+6 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:example.net",
  });
  check("nothing is thrown", run.failures == 0);

  const auto lookups = run.of_packets();
  check("each question is a dumpling, an answer is none", lookups.size() == 2);
  check("it names the host", lookups.at(0).at("lookup").at("hostname") == "www.example.org");

  // The first poke comes with the first packet, then one every five seconds, then one at the end.
  const auto counts = run.of_intervals();
  check("there are three pokes", counts.size() == 3);
  check("nothing at first", counts.at(0).at("lookups") == 0u);
  check("one in the first five seconds", counts.at(1).at("lookups") == 1u);
  check("and one later", counts.at(2).at("lookups") == 1u);

  return failures == 0 ? 0 : 1;
}
