// What a handler hands on.
#pragma once

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

namespace spiderling {

/// The payload of a dumpling: any JSON value. Null, which `return {};` gives, makes no dumpling.
///
///     if (name.empty()) return {};
///     if (name == "*") return boost::json::array{1, 2, 3};
///     return {{"lookup", {{"hostname", name}, {"when", time}}}};  // an object of an object
///
/// What JSON cannot say makes no dumpling either, and is counted: NaN and infinity, text that is no UTF-8.
using Payload = boost::json::value;

}  // namespace spiderling
