// Reading a command line, the same way for every command.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>

#include "app/command.h"

namespace spiderling::app {

/// One line on standard error: what was wrong with the command line. Returns bad_request.
int refuse_command_line(const Arguments& arguments, std::string_view problem);

/// Reads the words. An exit status if that was all: help or the version was asked for and printed, or
/// something was wrong, and was told.
std::optional<int> parse_command_line(CLI::App& cli, const Arguments& arguments);

/// Of an option in seconds. Rounded.
std::chrono::milliseconds as_milliseconds(double seconds);

/// Three years: beyond that no one means it.
inline constexpr double longest_seconds = 1e8;

/// A check for options of seconds and the like: a number in these bounds, both of them included. CLI::Range
/// lets "nan" through.
CLI::Validator number_between(double least, double most);

/// A check for options that count: a whole number from `least` on. CLI11 takes -1 for 2^64 - 1, and what is
/// larger than that for it.
CLI::Validator count_from(std::uint64_t least);

}  // namespace spiderling::app
