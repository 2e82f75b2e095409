#include "kitchen/payload_json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <cmath>

#include <fmt/format.h>
#include <simdjson.h>

namespace spiderling {

namespace {

// Readers recurse too: Python's gives up at about a thousand, others much earlier.
constexpr int deepest = 100;

constexpr char hex_digits[] = "0123456789abcdef";

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  const char* problem() const { return problem_; }

  void value(const Payload& v, int depth) {
    switch (v.kind()) {
      case boost::json::kind::null: out_ += "null"; return;
      case boost::json::kind::bool_: out_ += v.get_bool() ? "true" : "false"; return;
      case boost::json::kind::int64: return integer(v.get_int64());
      case boost::json::kind::uint64: return integer(v.get_uint64());
      case boost::json::kind::double_: return number(v.get_double());
      case boost::json::kind::string: return string(v.get_string());
      case boost::json::kind::array: return array(v.get_array(), depth);
      case boost::json::kind::object: return object(v.get_object(), depth);
    }
  }

 private:
  template <class Integer>
  void integer(Integer n) {
    const fmt::format_int text(n);
    out_.append(text.data(), text.size());
  }

  void number(double n) {
    if (!std::isfinite(n)) {
      problem_ = "a number that is not finite";
      return;
    }
    char text[32];
    const auto end = fmt::format_to_n(text, sizeof text, "{}", n);
    out_.append(text, end.size);
    // Still a double for those who read it.
    if (std::string_view(text, end.size).find_first_not_of("-0123456789") == std::string_view::npos)
      out_ += ".0";
  }

  void string(std::string_view text) {
    out_ += '"';
    std::size_t plain = 0;  // start of what needs no escape
    bool ascii = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c >= 0x80) ascii = false;
      if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
      out_.append(text.substr(plain, i - plain));
      escape(c);
      plain = i + 1;
    }
    out_.append(text.substr(plain));
    out_ += '"';
    if (!ascii && !simdjson::validate_utf8(text.data(), text.size())) problem_ = "text that is no UTF-8";
  }

  void escape(unsigned char c) {
    out_ += '\\';
    switch (c) {
      case '"': out_ += '"'; return;
      case '\\': out_ += '\\'; return;
      case '\n': out_ += 'n'; return;
      case '\r': out_ += 'r'; return;
      case '\t': out_ += 't'; return;
      default: break;
    }
    out_ += "u00";
    out_ += hex_digits[c >> 4];
    out_ += hex_digits[c & 0xf];
  }

  void array(const boost::json::array& elements, int depth) {
    if (!may_go_down(depth)) return;
    char before = '[';
    for (const Payload& element : elements) {
      out_ += before;
      before = ',';
      value(element, depth + 1);
    }
    out_ += elements.empty() ? "[]" : "]";
  }

  void object(const boost::json::object& members, int depth) {
    if (!may_go_down(depth)) return;
    char before = '{';
    for (const auto& member : members) {
      out_ += before;
      before = ',';
      string(member.key());
      out_ += ':';
      value(member.value(), depth + 1);
    }
    out_ += members.empty() ? "{}" : "}";
  }

  bool may_go_down(int depth) {
    if (depth >= deepest) problem_ = "more than 100 levels of arrays and objects";
    return problem_ == nullptr;
  }

  std::string& out_;
  const char* problem_ = nullptr;
};

}  // namespace

const char* append_payload(std::string& out, const Payload& payload) {
  Writer writer(out);
  writer.value(payload, 0);
  return writer.problem();
}

}  // namespace spiderling
