// What a peer sends over a WebSocket, and what answers an upgrade, in pieces of any size. The pieces must not
// change what is understood.
//
// Input: role, size of the pieces, then the bytes.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "websocket/message_reader.h"
#include "websocket/upgrade.h"

namespace {

using namespace spiderling;

std::string understood(std::string_view bytes, std::size_t piece, bool masked) {
  MessageReader reader({.masked = masked, .max_message_bytes = 2000, .buffer_bytes = 64});
  std::string all;
  while (!bytes.empty() && !reader.failed()) {
    const auto room = reader.prepare();
    const std::size_t now = std::min({piece, room.size(), bytes.size()});
    if (now == 0) std::abort();
    std::copy_n(bytes.begin(), now, room.begin());
    reader.commit(now);
    bytes.remove_prefix(now);
    while (reader.next()) {
      if (reader.payload().size() > 2000) std::abort();
      all += static_cast<char>('0' + static_cast<int>(reader.kind()));
      all += reader.payload();
    }
  }
  if (reader.failed()) all += std::to_string(reader.close_code());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = std::size_t{data[1]} + 1;
  if (data[0] % 3 == 2) {
    Upgrade upgrade({"localhost", 1, false}, "");
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const auto accepted = upgrade.feed(bytes.substr(at, piece));
      if (!accepted || *accepted) break;
    }
    return 0;
  }
  const bool masked = data[0] % 3 == 1;
  if (understood(bytes, piece, masked) != understood(bytes, bytes.size() + 1, masked)) std::abort();
  return 0;
}
