// The first message of a kitchen or an eater. What is accepted is kept as JSON, which must be read back as
// the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hub/hello.h"

using namespace spiderling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto hello = parse_kitchen_hello(text)) {
    const auto again = parse_kitchen_hello(hello->json);
    if (!again && hello->json.size() > max_hello_bytes) return 0;  // a number may get longer
    if (!again || again->name != hello->name || again->json != hello->json) std::abort();
  }
  if (const auto hello = parse_eater_hello(text)) {
    const auto again = parse_eater_hello(hello->json);
    if (!again && hello->json.size() > max_hello_bytes) return 0;
    if (!again || again->name != hello->name || again->json != hello->json) std::abort();
    if (again->wanted.chefs != hello->wanted.chefs || again->wanted.kitchens != hello->wanted.kitchens)
      std::abort();
    NameTable names;
    { const auto interests = Interests::make(names, hello->wanted); }
    if (!names.empty()) std::abort();
  }
  return 0;
}
