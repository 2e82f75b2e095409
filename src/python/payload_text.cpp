#include "python/payload_text.h"

#include <cstring>
#include <string_view>

namespace spiderling::python {

namespace {

// Readers recurse too; the same as for native chefs.
constexpr int deepest = 100;

bool is_surrogate(std::string_view escape, char from, char to) {
  return escape.size() >= 6 && escape[0] == '\\' && escape[1] == 'u' && escape[2] == 'd' &&
         escape[3] >= from && escape[3] <= to;
}

// json.dumps() writes half a surrogate pair (undecodable bytes in a str) as if it were a character; no reader
// takes it. `text` is ASCII JSON as Python writes it.
const char* what_is_wrong_with(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      const std::string_view escape = text.substr(i);
      if (is_surrogate(escape, '8', 'b') && is_surrogate(escape.substr(6), 'c', 'f'))
        i += 11;
      else if (is_surrogate(escape, '8', 'f'))
        return "text that is no Unicode (bytes that were not decoded)";
      else
        ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      if (++depth > deepest) return "more than 100 levels of lists and dicts";
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return nullptr;
}

}  // namespace

Ref payload_encoder() {
  const Ref json(PyImport_ImportModule("json"));
  const Ref encoder_class = json ? attribute(json.get(), "JSONEncoder") : Ref();
  const Ref none(PyTuple_New(0));
  const Ref options(Py_BuildValue("{s:O,s:(ss)}", "allow_nan", Py_False, "separators", ",", ":"));
  const Ref encoder(encoder_class && none && options
                        ? PyObject_Call(encoder_class.get(), none.get(), options.get())
                        : nullptr);
  Ref encode = encoder ? attribute(encoder.get(), "encode") : Ref();
  if (!encode) PyErr_Clear();
  return encode;
}

std::string append_payload_text(std::string& out, PyObject* encoder, PyObject* payload) {
  if (encoder == nullptr) return "Python's module json is not there";
  const Ref text(PyObject_CallOneArg(encoder, payload));
  Py_ssize_t size = 0;
  const char* bytes = text ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
  if (bytes == nullptr) return take_exception().text;
  const std::string_view json(bytes, static_cast<std::size_t>(size));
  if (const char* problem = what_is_wrong_with(json)) return problem;
  out += json;
  return {};
}

}  // namespace spiderling::python
