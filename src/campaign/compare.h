// What differs between a result and the same recomputed.
#pragma once

#include <functional>
#include <string_view>

#include <boost/json/array.hpp>

namespace spiderling {

/// Hears each difference in words for a person.
using Differs = std::function<void(std::string_view what)>;

/// In any order.
void compare_conditions(const boost::json::array& then, const boost::json::array& now,
                        const Differs& differs);

/// Flow by flow, member by member.
void compare_flows(const boost::json::array& then, const boost::json::array& now, const Differs& differs);

}  // namespace spiderling
