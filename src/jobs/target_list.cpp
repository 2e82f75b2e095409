#include "jobs/target_list.h"

#include <algorithm>
#include <cstring>

#include "capture/input_file.h"
#include "jobs/job_fields.h"
#include "jobs/line_splitter.h"

namespace spiderling {
namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_name = 255;
constexpr std::chrono::milliseconds for_ever{-1};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r";
  const std::size_t from = text.find_first_not_of(space);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(space) + 1 - from);
}

// Letters, digits, hyphens, underscores and what is beyond ASCII, in labels that are not empty.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name || name.front() == '.' || name.back() == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(name, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    return letter || (static_cast<unsigned char>(c) & 0x80) != 0;
  });
}

// Only digits and dots: somebody meant an address.
bool looks_like_an_address(std::string_view text) {
  return text.find_first_of(":/") != std::string_view::npos ||
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string comparable_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string small(name);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return small;
}

Result<TargetList> TargetList::read(const std::string& path) {
  TargetList list;
  if (const auto added = list.add_file(path); !added) return tl::unexpected(added.error());
  list.finish();
  return list;
}

Result<void> TargetList::add_file(const std::string& path) {
  auto file = InputFile::open(path, {.what = "a list of addresses and names", .named = "a list"});
  if (!file) return tl::unexpected(file.error());
  LineSplitter splitter(longest_line);
  LineSplitter::Line line;
  bool more = true;
  while (more) {
    const auto got = (*file)->read(splitter.room(), for_ever);
    if (got.state == InputFile::State::waiting) continue;
    if (got.state == InputFile::State::failed)
      return error("{}: cannot be read on: {}", path, std::strerror(got.error));
    more = got.state == InputFile::State::data;
    if (more) {
      splitter.commit(got.size);
    } else {
      splitter.finish();
    }
    for (auto next = splitter.next(line); next != LineSplitter::Got::nothing; next = splitter.next(line)) {
      if (next == LineSplitter::Got::too_long)
        return error("{}, line {}: it is too long for an address or a name", path, line.number);
      if (const auto added = add_line(line.text); !added)
        return error("{}, line {}: {}", path, line.number, added.error().message);
    }
  }
  return {};
}

Result<void> TargetList::add_line(std::string_view line) {
  const std::string_view text = trimmed(line.substr(0, line.find('#')));
  if (text.empty()) return {};
  if (size() >= most_entries) return error("there are more than {} entries; join prefixes", most_entries);
  if (looks_like_an_address(text)) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) return tl::unexpected(prefix.error());
    prefixes_.add(*prefix, 1);
    return {};
  }
  std::string name = comparable_name(text);
  if (name.starts_with("*.")) name.erase(0, 2);
  if (!is_name(name)) return error("{} is no address, no prefix and no name of a domain", excerpt(text));
  names_.insert(std::move(name));
  return {};
}

bool TargetList::covers(const Job& job) const {
  if (prefixes_.find(job.dip) != 0 || prefixes_.find(embedded_v4(job.dip)) != 0) return true;
  return !names_.empty() && !job.domain.empty() && covers_name(comparable_name(job.domain));
}

bool TargetList::covers_name(std::string_view domain) const {
  while (true) {
    if (names_.contains(domain)) return true;
    const std::size_t dot = domain.find('.');
    if (dot == std::string_view::npos) return false;
    domain.remove_prefix(dot + 1);
  }
}

}  // namespace spiderling
