#include "host/nft_tables.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "host/host.h"

namespace spiderling {
namespace {

constexpr std::string_view of_table = "table ";

bool is_ours(std::string_view table) {
  const auto blank = table.find(' ');
  return blank != table.npos && table.substr(blank + 1).starts_with(nft_table_prefix);
}

// What counters have counted is no difference: `counter packets 5 bytes 300`.
std::string without_counts(std::string_view line) {
  std::string text(line);
  for (const std::string_view word : {"packets ", "bytes "}) {
    std::size_t at = 0;
    while ((at = text.find(word, at)) != text.npos) {
      at += word.size();
      const auto end = std::min(text.find_first_not_of("0123456789", at), text.size());
      text.erase(at, end - at);
    }
  }
  return text;
}

// By family and name. A table begins in the first column, and nothing else in it does until its end.
std::map<std::string, std::string, std::less<>> tables_in(std::string_view ruleset) {
  std::map<std::string, std::string, std::less<>> tables;
  std::string* table = nullptr;
  while (!ruleset.empty()) {
    const auto end = std::min(ruleset.find('\n'), ruleset.size() - 1);
    const std::string_view line = ruleset.substr(0, end + 1);
    ruleset.remove_prefix(end + 1);
    if (line.starts_with(of_table)) {
      const std::string_view name = line.substr(of_table.size(), line.find(" {") - of_table.size());
      table = &tables[std::string(name)];
    }
    if (table != nullptr) *table += without_counts(line);
  }
  std::erase_if(tables, [](const auto& one) { return is_ours(one.first); });
  return tables;
}

}  // namespace

std::vector<std::string> changed_nft_tables(std::string_view before, std::string_view after) {
  const auto then = tables_in(before), now = tables_in(after);
  std::vector<std::string> changed;
  for (const auto& [name, text] : then) {
    const auto still = now.find(name);
    if (still == now.end() || still->second != text) changed.push_back(name);
  }
  for (const auto& [name, text] : now) {
    if (!then.contains(name)) changed.push_back(name);
  }
  return changed;
}

}  // namespace spiderling
