// What is a dumpling, beside another JSON parser: whatever passes must be JSON, and JSON is never said to be
// none.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include "dumplings/dumpling.h"

using namespace spiderling;
namespace json = boost::json;

namespace {

// Escaped surrogates without a partner are JSON by its grammar (RFC 8259 section 8.2), but nothing that the
// other parser can hold: every escaped surrogate is given to it as another character.
std::string without_surrogates(std::string_view text) {
  std::string changed(text);
  for (std::size_t at = 0; (at = changed.find("\\u", at)) != std::string::npos; ++at) {
    if (at + 6 <= changed.size() && (changed[at + 2] | 0x20) == 'd' && std::isxdigit(changed[at + 3]) != 0 &&
        changed[at + 3] >= '8') {
      changed[at + 2] = '0';
    }
  }
  return changed;
}

void compare(std::string_view text, const Result<DumplingView>& dumpling) {
  json::parse_options options;
  options.max_depth = 100'000;
  boost::system::error_code problem;
  const std::string changed = without_surrogates(text);
  const json::value value = json::parse(changed, problem, {}, options);
  if (dumpling) {
    if (problem == json::error::exponent_overflow) return;  // JSON, but beyond its numbers
    if (problem) std::abort();
    // Names that come twice: both take the last.
    const auto& metadata = value.as_object().at("metadata").as_object();
    if (changed == text &&
        metadata.at("chef").as_string() != json::string_view(dumpling->chef.data(), dumpling->chef.size()))
      std::abort();
    if (metadata.at("kitchen").is_null() == dumpling->kitchen.has_value()) std::abort();
    const json::value payload = json::parse(without_surrogates(dumpling->payload), problem, {}, options);
    if (problem || payload.is_null()) std::abort();
    return;
  }
  const std::string& why = dumpling.error().message;
  // A name with such a surrogate in it cannot be told in UTF-8, and is refused as if it were no JSON.
  if (changed != text) return;
  if (!problem && (why.starts_with("it is not JSON") || why == "it is not UTF-8" || why == "it is empty"))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static DumplingReader reader;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  compare(text, reader.read(text));
  // The fuzzer writes payloads more easily than whole dumplings.
  const std::string whole =
      R"({"metadata":{"chef":"C","kitchen":null,"creation_time":1,"driver":"packet"},"payload":)" +
      std::string(text) + "}";
  compare(whole, reader.read(whole));
  return 0;
}
