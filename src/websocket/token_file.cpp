#include "websocket/token_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace spiderling {

bool is_token(std::string_view text) {
  constexpr std::size_t longest = 4096;
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
  });
}

Result<std::string> read_token_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return error("cannot read the token file {}: {}", path, std::strerror(errno));
  std::string line;
  std::getline(file, line);
  constexpr std::string_view spaces = " \t\r\n";
  const auto begin = line.find_first_not_of(spaces);
  if (begin == std::string::npos) return error("the token file {} has no token on its first line", path);
  line = line.substr(begin, line.find_last_not_of(spaces) - begin + 1);
  if (!is_token(line)) {
    return error("the token in {} may have only letters, digits and -._~+/= (make one: openssl rand -hex 32)",
                 path);
  }
  return line;
}

}  // namespace spiderling
