#include "websocket/frame.h"

#include <sys/random.h>

#include <cstring>
#include <stdexcept>

namespace spiderling {

namespace {

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t mask_bit = 0x80;

void append_header(std::string& out, Opcode opcode, std::size_t payload, std::uint8_t mask) {
  char header[10];
  std::size_t size = 2;
  header[0] = static_cast<char>(final_bit | static_cast<std::uint8_t>(opcode));
  const auto put_length = [&](std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
      header[2 + i] = static_cast<char>(payload >> (8 * (bytes - 1 - i)));
    size += bytes;
  };
  std::uint8_t length = 0;
  if (payload < 126) {
    length = static_cast<std::uint8_t>(payload);
  } else if (payload < 65536) {
    length = 126;
    put_length(2);
  } else {
    length = 127;
    put_length(8);
  }
  header[1] = static_cast<char>(mask | length);
  out.append(header, size);
}

}  // namespace

void apply_mask(char* bytes, std::size_t size, MaskKey key) {
  std::uint64_t wide = 0;
  std::memcpy(&wide, key.data(), 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, key.data(), 4);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, 8);
    word ^= wide;
    std::memcpy(bytes + i, &word, 8);
  }
  for (; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ static_cast<char>(key[i % 4]));
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  append_header(out, opcode, payload.size(), 0);
  out.append(payload);
}

void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, MaskKey key) {
  append_header(out, opcode, payload.size(), mask_bit);
  out.append(reinterpret_cast<const char*>(key.data()), key.size());
  const std::size_t at = out.size();
  out.append(payload);
  apply_mask(out.data() + at, payload.size(), key);
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  if (code == close_code::no_status || code == close_code::abnormal) return {};
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  if (reason.size() > max_control_payload - 2) {
    std::size_t cut = max_control_payload - 2;
    while (cut > 0 && (static_cast<unsigned char>(reason[cut]) & 0xc0) == 0x80)
      --cut;  // inside a UTF-8 character
    reason = reason.substr(0, cut);
  }
  return payload.append(reason);
}

std::size_t frame_size(std::size_t payload, bool masked) {
  return payload + 2 + (payload < 126 ? 0u : payload < 65536 ? 2u : 8u) + (masked ? 4u : 0u);
}

MaskKey MaskKeys::next() {
  if (used_ == block_.size()) {
    for (std::size_t have = 0; have < block_.size();) {
      const ssize_t got = getrandom(block_.data() + have, block_.size() - have, 0);
      if (got > 0) {
        have += static_cast<std::size_t>(got);
      } else if (errno != EINTR) {
        throw std::runtime_error("the system gives no random numbers");
      }
    }
    used_ = 0;
  }
  MaskKey key;
  std::memcpy(key.data(), block_.data() + used_, key.size());
  used_ += key.size();
  return key;
}

}  // namespace spiderling
