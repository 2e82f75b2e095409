// The first message of a connection: who is there.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "hub/interests.h"

namespace spiderling {

/// Hellos are kept while their connection lasts and are part of every status dumpling.
inline constexpr std::size_t max_hello_bytes = 16 << 10;

/// {"kitchen_name": text or null, "interface", "filter", "chefs", "poke_interval"}; only the name must be
/// there.
struct KitchenHello {
  std::string name;  ///< empty: null
  std::string json;  ///< all of it, without white space
};
/// {"eater_name": text}, and if it likes "chefs", "kitchens", "drivers": lists of the only ones to receive.
struct EaterHello {
  std::string name;
  std::string json;
  WantedNames wanted;
};

/// The error is the reason in the close frame: short, and what is expected.
Result<KitchenHello> parse_kitchen_hello(std::string_view text);
Result<EaterHello> parse_eater_hello(std::string_view text);

}  // namespace spiderling
