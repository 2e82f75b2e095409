#include "spiderling/chain.h"

namespace spiderling {
namespace {

struct Noop {
  static constexpr const char* name = "noop";
  static constexpr const char* description =
      "Does nothing: one record a flow, with its first and last time alone";
  struct State {};
  static void fields(FieldList&, const State&) {}
};

}  // namespace
}  // namespace spiderling

SPIDERLING_CHAIN(spiderling::Noop)
