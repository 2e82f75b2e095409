// What a connection has only until it is a WebSocket. For src/hub itself.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "hub/connection.h"

namespace spiderling {

struct Connection::HttpPhase {
  HttpRequestReader reader;
  std::array<char, 2048> buffer;

  std::span<char> room() { return buffer; }
  std::string_view received(std::size_t bytes) const { return {buffer.data(), bytes}; }
};

}  // namespace spiderling
