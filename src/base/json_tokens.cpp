#include "base/json_tokens.h"

#include <cstring>

namespace spiderling::json_tokens {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// The length of the escape at a backslash, 0 if it is none. Stops at the first wrong character, so never
// reads past a closing quote.
std::size_t escape_length(const char* backslash) {
  switch (backslash[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return 2;
    case 'u':
      for (int i = 2; i < 6; ++i) {
        if (!is_hex(backslash[i])) return 0;
      }
      return 6;
    default: return 0;
  }
}

// Takes digits off the front; false if there is none.
bool take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  text.remove_prefix(count);
  return count > 0;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text[0] != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view token) {
  while (!token.empty()) {
    const char last = token.back();
    if (last != ' ' && last != '\n' && last != '\r' && last != '\t') break;
    token.remove_suffix(1);
  }
  return token;
}

bool is_number(std::string_view token) {
  take(token, '-');
  if (!take(token, '0') && !take_digits(token)) return false;
  if (take(token, '.') && !take_digits(token)) return false;
  if (take(token, 'e') || take(token, 'E')) {
    if (!take(token, '+')) take(token, '-');
    if (!take_digits(token)) return false;
  }
  return token.empty();
}

bool is_string_body(const char* body) {
  while (*body != '"') {
    if (*body != '\\') {
      ++body;
      continue;
    }
    const std::size_t length = escape_length(body);
    if (length == 0) return false;
    body += length;
  }
  return true;
}

bool is_scalar(std::string_view token) {
  if (token.empty()) return false;
  if (token[0] == '"') {
    if (std::memchr(token.data(), '\\', token.size()) == nullptr) return true;  // the usual case
    return is_string_body(token.data() + 1);
  }
  token = trimmed(token);
  if (token[0] == 't') return token == "true";
  if (token[0] == 'f') return token == "false";
  if (token[0] == 'n') return token == "null";
  return is_number(token);
}

}  // namespace spiderling::json_tokens
