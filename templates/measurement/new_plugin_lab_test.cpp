// Over the lab: real connections to real servers, behind boxes of known faults, in namespaces of this machine.
#include <spiderling/testing.h>

#include <cstdio>

int main() {
  const auto verdict = spiderling::testing::check_in_lab(SCENARIO);
  if (!verdict.skipped.empty()) {
    std::fprintf(stderr, "skipped: %s\n", verdict.skipped.c_str());
    return 77;
  }
  std::fputs(verdict.report.c_str(), stderr);
  return verdict.all_right ? 0 : 1;
}
