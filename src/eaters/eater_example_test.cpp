// The example of include/spiderling/eater.h, compiled.
#include <spiderling/eater.h>
#include <cstdio>

namespace {

class LookupPrinter : public spiderling::Eater {
 public:
  using Eater::Eater;
  void on_dumpling(const spiderling::EatenDumpling& dumpling) override {
    std::printf("%.*s\n", int(dumpling.payload.size()), dumpling.payload.data());
  }
};

int example_main() {
  LookupPrinter eater({.name = "lookups", .hub = "localhost:11348", .chefs = {"DNSLookupChef"}});
  return eater.run(10).problem.empty() ? 0 : 1;  // the next ten lookups
}

[[maybe_unused]] const auto compiled = example_main;

}  // namespace
