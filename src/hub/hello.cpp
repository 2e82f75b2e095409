#include "hub/hello.h"

#include <algorithm>

#include <simdjson.h>

namespace spiderling {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_depth = 32;
constexpr std::size_t most_names = 256;

// Hellos are rare: each has a parser of its own, and its memory goes with it.
struct Hello {
  dom::parser parser{1 << 20};
  dom::object object;
};

Result<void> parse(std::string_view text, Hello& hello) {
  if (text.size() > max_hello_bytes) return error("the hello is longer than {} bytes", max_hello_bytes);
  if (hello.parser.allocate(std::max<std::size_t>(text.size(), 64), most_depth) != simdjson::SUCCESS) {
    return error("there is no memory to read the hello");
  }
  dom::element element;
  if (const auto code = hello.parser.parse(text.data(), text.size()).get(element)) {
    return code == simdjson::DEPTH_ERROR ? error("the hello is nested too deeply")
                                         : error("the hello is not JSON");
  }
  if (element.get(hello.object)) return error("the hello is not a JSON object");
  return {};
}

// "chefs": ["A", "B"]; null is as good as none.
Result<void> take_names(const dom::object& object, const char* key,
                        std::optional<std::vector<std::string>>& names) {
  dom::element element;
  if (object.at_key(key).get(element) || element.is_null()) return {};
  const auto wrong = [&] { return error("{} in the hello is not a list of strings", key); };
  dom::array list;
  if (element.get(list)) return wrong();
  names.emplace();
  for (const dom::element one : list) {
    std::string_view name;
    if (one.get(name)) return wrong();
    if (names->size() == most_names) return error("{} in the hello has more than {} names", key, most_names);
    names->emplace_back(name);
  }
  std::sort(names->begin(), names->end());
  names->erase(std::unique(names->begin(), names->end()), names->end());
  return {};
}

Result<void> take_drivers(const dom::object& object, WantedNames& wanted) {
  std::optional<std::vector<std::string>> drivers;
  if (const auto taken = take_names(object, "drivers", drivers); !taken || !drivers) return taken;
  wanted.packet = wanted.interval = false;
  for (const std::string& driver : *drivers) {
    if (driver == "packet") {
      wanted.packet = true;
    } else if (driver == "interval") {
      wanted.interval = true;
    } else {
      return error("drivers in the hello: packet or interval");
    }
  }
  return {};
}

}  // namespace

Result<KitchenHello> parse_kitchen_hello(std::string_view text) {
  Hello hello;
  if (const auto parsed = parse(text, hello); !parsed) return tl::unexpected(parsed.error());
  dom::element name;
  std::string_view given;
  if (hello.object.at_key("kitchen_name").get(name)) return error("the hello has no kitchen_name");
  if (!name.is_null() && name.get(given)) return error("kitchen_name is neither a string nor null");
  return KitchenHello{std::string(given), simdjson::minify(hello.object)};
}

Result<EaterHello> parse_eater_hello(std::string_view text) {
  Hello hello;
  if (const auto parsed = parse(text, hello); !parsed) return tl::unexpected(parsed.error());
  dom::element name;
  std::string_view given;
  if (hello.object.at_key("eater_name").get(name)) return error("the hello has no eater_name");
  if (name.get(given)) return error("eater_name is not a string");
  EaterHello result{std::string(given), simdjson::minify(hello.object), {}};
  for (const auto& taken : {take_names(hello.object, "chefs", result.wanted.chefs),
                            take_names(hello.object, "kitchens", result.wanted.kitchens),
                            take_drivers(hello.object, result.wanted)}) {
    if (!taken) return tl::unexpected(taken.error());
  }
  return result;
}

}  // namespace spiderling
