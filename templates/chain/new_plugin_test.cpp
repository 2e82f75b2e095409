// Packets in, the fields of the flow record out.
#include <spiderling/testing.h>

#include <cstdio>

using namespace spiderling::testing;

int failures = 0;

// `wrong` says what is otherwise than expected; empty: nothing.
void check(const char* what, const std::string& wrong) {
  if (wrong.empty()) return;
  ++failures;
  std::fprintf(stderr, "%s:\n%s\n", what, wrong.c_str());
}

int main() {
  const Record both_ways = run_chain("new_plugin", {
      "10.0.0.1:4000 > 10.0.0.2:80 tcp S ttl=64",
      "10.0.0.2:80 > 10.0.0.1:4000 tcp SA ttl=55",
      "10.0.0.1:4000 > 10.0.0.2:80 tcp A ttl=60",
  });
  check("the first packet of each direction counts",
        both_ways.differences("new_plugin_ttl_fwd=64 new_plugin_ttl_rev=55"));

  const Record unanswered = run_chain("new_plugin", {"[2001:db8::1]:4000 > [2001:db8::2]:53 udp ttl=7"});
  check("what was not seen is null",
        unanswered.differences("new_plugin_ttl_fwd=7 new_plugin_ttl_rev=null"));

  return failures == 0 ? 0 : 1;
}
