#include "eaters/pretty_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace spiderling {

namespace {

constexpr unsigned max_depth = 512;  // deeper than any dumpling is
constexpr std::string_view key_color = "\x1b[94m";
constexpr std::string_view string_color = "\x1b[33m";
constexpr std::string_view other_color = "\x1b[34m";
constexpr std::string_view plain = "\x1b[39;49;00m";

// Writes while it reads; an object's members are first gathered, to be sorted.
class PrettyPrinter {
 public:
  PrettyPrinter(std::string_view json, bool color) : json_(json), color_(color) {}

  std::string print() {
    value(0);
    return std::move(out_);
  }

 private:
  // --- reading ---

  char peek() {
    while (at_ < json_.size() && std::string_view(" \t\r\n").find(json_[at_]) != std::string_view::npos)
      ++at_;
    return at_ < json_.size() ? json_[at_] : '\0';
  }
  bool take(char expected) {
    if (peek() != expected) return false;
    ++at_;
    return true;
  }
  bool more() { return peek() != '\0' && at_ < json_.size(); }

  // The characters of the string that begins here. Halves of surrogate pairs without their other half stay
  // halves.
  std::u32string read_string() {
    std::u32string text;
    if (!take('"')) return text;
    while (at_ < json_.size() && json_[at_] != '"') {
      const char32_t c = json_[at_] == '\\' ? read_escape() : read_utf8();
      const bool second_half = c >= 0xdc00 && c < 0xe000;
      if (second_half && !text.empty() && text.back() >= 0xd800 && text.back() < 0xdc00) {
        text.back() = 0x10000 + ((text.back() - 0xd800) << 10) + (c - 0xdc00);
      } else {
        text += c;
      }
    }
    if (at_ < json_.size()) ++at_;
    return text;
  }

  char32_t read_escape() {
    at_ += 2;
    if (at_ > json_.size()) {
      at_ = json_.size();
      return '\\';
    }
    switch (json_[at_ - 1]) {
      case 'b': return '\b';
      case 'f': return '\f';
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'u': {
        const std::string_view digits = json_.substr(at_, 4);
        std::uint32_t c = 0xfffd;
        std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
        at_ += digits.size();
        return c;
      }
      default: return static_cast<unsigned char>(json_[at_ - 1]);
    }
  }

  char32_t read_utf8() {
    const auto first = static_cast<unsigned char>(json_[at_++]);
    const int following = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    char32_t c = following == 0 ? first : first & (0x3fu >> following);
    for (int i = 0; i < following && at_ < json_.size(); ++i) {
      c = c << 6 | (static_cast<unsigned char>(json_[at_++]) & 0x3fu);
    }
    return c;
  }

  // Steps over a value.
  void skip_value() {
    unsigned depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return;
        --depth;
        ++at_;
      } else if (c == ',' || c == ':') {
        ++at_;
      } else {
        if (read_word().empty()) return;
      }
    } while (depth > 0);
  }
  void skip_string() {
    ++at_;
    while (at_ < json_.size() && json_[at_] != '"') at_ += json_[at_] == '\\' ? 2u : 1u;
    at_ = std::min(at_ + 1, json_.size());
  }
  // A number, true, false or null.
  std::string_view read_word() {
    peek();
    const auto end = std::min(json_.find_first_of(",:]}[{\" \t\r\n", at_), json_.size());
    const auto word = json_.substr(at_, end - at_);
    at_ = end;
    return word;
  }

  // --- writing ---

  void value(unsigned depth) {
    const char c = peek();
    if (c == '{' && depth < max_depth) return object(depth);
    if (c == '[' && depth < max_depth) return array(depth);
    if (c == '"') return colored(string_color, quoted(read_string()));
    const std::string_view word = read_word();
    if (!word.empty()) return colored(other_color, number_or_word(word));
    at_ = json_.size();
  }

  void object(unsigned depth) {
    struct Member {
      std::u32string key;
      std::size_t value_at;
    };
    take('{');
    std::vector<Member> members;
    while (peek() == '"') {
      Member member{read_string(), 0};
      take(':');
      peek();
      member.value_at = at_;
      skip_value();
      members.push_back(std::move(member));
      if (!take(',')) break;
    }
    take('}');
    const std::size_t end = at_;
    std::ranges::stable_sort(members, {}, &Member::key);
    bool first = true;
    out_ += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i].key == members[i + 1].key) continue;  // the last one counts
      new_line(depth + 1, first);
      colored(key_color, quoted(members[i].key));
      out_ += ": ";
      at_ = members[i].value_at;
      value(depth + 1);
    }
    if (!first) indent(depth);
    out_ += '}';
    at_ = end;
  }

  void array(unsigned depth) {
    take('[');
    bool first = true;
    out_ += '[';
    while (more() && peek() != ']') {
      new_line(depth + 1, first);
      value(depth + 1);
      if (!take(',')) break;
    }
    take(']');
    if (!first) indent(depth);
    out_ += ']';
  }

  void new_line(unsigned depth, bool& first) {
    if (!first) out_ += ',';
    first = false;
    indent(depth);
  }
  void indent(unsigned depth) {
    out_ += '\n';
    out_.append(std::size_t{4} * depth, ' ');
  }
  void colored(std::string_view color, std::string_view text) {
    if (color_) out_ += color;
    out_ += text;
    if (color_) out_ += plain;
  }

  static std::string quoted(const std::u32string& text) {
    std::string out = "\"";
    for (const char32_t c : text) append_character(out, c);
    return out += '"';
  }
  static void append_character(std::string& out, char32_t c) {
    switch (c) {
      case '"': out += "\\\""; return;
      case '\\': out += "\\\\"; return;
      case '\b': out += "\\b"; return;
      case '\f': out += "\\f"; return;
      case '\n': out += "\\n"; return;
      case '\r': out += "\\r"; return;
      case '\t': out += "\\t"; return;
      default: break;
    }
    const auto number = static_cast<std::uint32_t>(c);
    if (number >= 0x20 && number < 0x7f) {
      out += static_cast<char>(c);
    } else if (number < 0x10000) {
      // Python leaves DEL as it is; a terminal should not get it.
      out += fmt::format("\\u{:04x}", number);
    } else {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (number >> 10), 0xdc00 + (number & 0x3ff));
    }
  }

  static std::string number_or_word(std::string_view word) {
    if (word == "-0") return "0";
    if (word.find_first_of(".eE") == std::string_view::npos || word == "true" || word == "false") {
      return std::string(word);
    }
    double number = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (problem != std::errc() || end != word.data() + word.size() || !std::isfinite(number))
      return std::string(word);
    std::string text = fmt::format("{}", number);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }

  std::string_view json_;
  const bool color_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string pretty_json(std::string_view json, bool color) { return PrettyPrinter(json, color).print(); }

}  // namespace spiderling
