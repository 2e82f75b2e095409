// A message from a hub, printed: nothing that steers a terminal comes out, and what is valid JSON stays valid
// JSON.
#include <algorithm>
#include <cstdlib>

#include <boost/json/parse.hpp>

#include "dumplings/dumpling.h"
#include "eaters/pretty_json.h"
#include "eaters/printable.h"

namespace {

using namespace spiderling;

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= 0x20 && c != 0x7f) || c < 0; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  pretty_json(text, true);
  static DumplingReader reader;
  const auto dumpling = reader.read(text);
  if (!dumpling) return 0;
  EatenDumpling eaten;
  eaten.chef = dumpling->chef;
  eaten.kitchen = dumpling->kitchen;
  eaten.creation_time = dumpling->creation_time;
  eaten.payload = dumpling->payload;
  eaten.json = text;
  if (!is_plain(printable_dumpling(eaten, {}))) std::abort();
  status_line(eaten.payload, {}, false);
  const std::string pretty = pretty_json(eaten.payload, false);
  if (pretty_json(pretty, false) != pretty) std::abort();
  return 0;
}
