#include "kitchen/hello.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace spiderling {

std::string KitchenHello::json() const {
  std::string text = R"({"kitchen_name":)";
  append_json_string(text, kitchen_name);
  text += R"(,"interface":)";
  append_json_string(text, interface);
  text += R"(,"filter":)";
  append_json_string(text, filter);
  text += R"(,"chefs":[)";
  for (std::size_t i = 0; i < chefs.size(); ++i) {
    if (i != 0) text += ',';
    append_json_string(text, chefs[i]);
  }
  // Always with a fraction or an exponent: the original's is a float.
  std::string interval = fmt::format("{}", poke_interval);
  if (interval.find_first_of(".e") == std::string::npos) interval += ".0";
  return text + R"(],"poke_interval":)" + interval + '}';
}

}  // namespace spiderling
