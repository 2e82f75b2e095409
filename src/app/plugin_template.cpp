#include "app/plugin_template.h"

#include <algorithm>
#include <filesystem>

namespace spiderling::app {
namespace {

constexpr std::size_t longest_name = 40;

// Targets that CMake has itself, and classes of the headers that templates use.
constexpr std::string_view taken[] = {"all",        "test",    "install",  "clean",   "help",   "package",
                                      "edit_cache", "chef",    "packet",   "payload", "layers", "chain",
                                      "record",     "packets", "dumpling", "worker",  "task",   "job",
                                      "spiderling", "testing", "plugin"};

// Words of Python's grammar, modules inside of the interpreter, and packages that a plugin imports.
constexpr std::string_view taken_in_python[] = {
    "and",      "as",           "assert",     "async",  "await",     "break",    "class",    "continue",
    "def",      "del",          "elif",       "else",   "except",    "false",    "finally",  "for",
    "from",     "global",       "if",         "import", "in",        "is",       "lambda",   "none",
    "nonlocal", "not",          "or",         "pass",   "raise",     "return",   "true",     "try",
    "while",    "with",         "yield",      "array",  "atexit",    "binascii", "builtins", "cmath",
    "errno",    "fcntl",        "gc",         "grp",    "itertools", "marshal",  "math",     "posix",
    "pwd",      "pyexpat",      "select",     "spwd",   "sys",       "syslog",   "time",     "unicodedata",
    "zlib",     "netdumplings", "pathspider", "scapy",  "pytest"};
constexpr const char* python_library = "/usr/lib/python3.11";

bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// "DNSLookups" -> "dns_lookups"
std::string snake_of(std::string_view text) {
  std::string snake;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins_word = is_capital(text[i]) && i > 0 && text[i - 1] != '_' &&
                             (!is_capital(text[i - 1]) || (i + 1 < text.size() && is_small(text[i + 1])));
    if (begins_word) snake += '_';
    snake += is_capital(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  }
  return snake;
}

// "dns_lookups" -> "DnsLookups"; what has capitals stays as it is.
std::string camel_of(std::string_view text) {
  std::string camel;
  bool begins_word = true;
  for (const char c : text) {
    if (c != '_') camel += begins_word && is_small(c) ? static_cast<char>(c - 'a' + 'A') : c;
    begins_word = c == '_';
  }
  return camel;
}

}  // namespace

Result<PluginName> parse_plugin_name(std::string_view text) {
  const auto fits = [](char c) { return is_small(c) || is_capital(c) || is_digit(c) || c == '_'; };
  const bool starts_well = !text.empty() && (is_small(text.front()) || is_capital(text.front()));
  if (!starts_well || !std::ranges::all_of(text, fits) || text.back() == '_' || text.find("__") != text.npos)
    return error("'{}' is no name for a plugin: letters, digits and single _, beginning with a letter", text);
  if (text.size() > longest_name) return error("'{}' is longer than {} letters", text, longest_name);
  PluginName name{snake_of(text), camel_of(text)};
  if (std::ranges::find(taken, name.snake) != std::end(taken) || name.snake == "new_plugin")
    return error("'{}' means something else where plugins are built; choose another name", text);
  return name;
}

Result<void> check_python_name(const PluginName& name) {
  const std::filesystem::path module = std::filesystem::path(python_library) / name.snake;
  std::error_code ignored;
  const bool is_taken = std::ranges::find(taken_in_python, name.snake) != std::end(taken_in_python) ||
                        std::filesystem::exists(module, ignored) ||
                        std::filesystem::exists(module.string() + ".py", ignored);
  if (is_taken) return error("'{}' is something else in Python; choose another name", name.snake);
  return {};
}

std::vector<FilledFile> fill_templates(std::string_view kind, const PluginName& name) {
  std::vector<FilledFile> files;
  for (const TemplateFile& one : plugin_templates()) {
    if (one.kind != kind) continue;
    FilledFile& file = files.emplace_back(FilledFile{std::string(one.name), std::string(one.text)});
    std::string dashed = name.snake;
    std::ranges::replace(dashed, '_', '-');
    for (std::string* text : {&file.name, &file.text}) {
      replace_all(*text, "new_plugin", name.snake);
      replace_all(*text, "NewPlugin", name.camel);
      replace_all(*text, "new-plugin", dashed);
    }
  }
  return files;
}

}  // namespace spiderling::app
