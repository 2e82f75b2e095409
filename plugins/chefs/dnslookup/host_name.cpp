#include "host_name.h"

namespace spiderling::dnslookup {

namespace {

unsigned byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// RFC 3629, section 4. Bytes of the character at `i`, 0 if there is none.
std::size_t character_length(std::string_view text, std::size_t i) {
  const unsigned first = byte_at(text, i);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte_at(text, i + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond_unicode = first == 0xf4 && second > 0x8f;
  const bool control = first == 0xc2 && second < 0xa0;
  return overlong || surrogate || beyond_unicode || control ? 0 : length;
}

bool is_readable(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

// "\." and "\195" to the bytes that they stand for. `text` comes from DnsName::write, so no escape is cut.
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      plain += text[i];
    } else if (text[i + 1] >= '0' && text[i + 1] <= '9') {
      plain += static_cast<char>((text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[++i];
    }
  }
  return plain;
}

}  // namespace

std::string host_name(const DnsName& name) {
  char buffer[max_dns_name_text];
  const std::string_view text(buffer, static_cast<std::size_t>(name.write(buffer) - buffer));
  if (text == ".") return {};
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string plain = without_escapes(text);
  return is_readable(plain) ? plain : std::string(text);
}

}  // namespace spiderling::dnslookup
