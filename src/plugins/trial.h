// Shared objects tried out where they can do no harm.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace spiderling {

/// Loads each of these files in a child process and asks its plugins for their descriptions: code that
/// throws, crashes, exits or hangs while it is loaded does so there. What comes back is a line for each file:
/// why it must not be loaded here, or nothing. One child serves all files that do well; each that ends it
/// costs another one, and one that has not answered after `patience` is ended.
///
/// To be called while the program has one thread.
std::vector<std::string> try_to_load(const std::vector<std::string>& files,
                                     std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace spiderling
