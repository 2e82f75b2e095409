#include "host/left_behind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "host/journal_file.h"

namespace spiderling {
namespace {

constexpr std::size_t most_journals = 4096;

Result<std::string> read_checked(const std::filesystem::path& path) {
  // O_NONBLOCK: someone may have put a FIFO there.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return error("cannot read {}: {}", path.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return error("cannot check {}: {}", path.string(), std::strerror(errno));
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
    return error("{} is not a file that only user {} can write", path.string(), ::geteuid());
  if (status.st_size > static_cast<off_t>(longest_journal)) return error("{} is too long", path.string());
  std::string text(longest_journal, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error("cannot read {}: {}", path.string(), std::strerror(errno));
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

// Takes the next whole line from the front.
std::optional<std::string_view> next_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<NetworkPlace> parse_place(std::string_view line) {
  NetworkPlace place;
  if (!take(line, "network ")) return std::nullopt;
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos || blank > 64) return std::nullopt;
  place.boot = line.substr(0, blank);
  line.remove_prefix(blank + 1);
  const auto cookie = take_number(line);
  if (!cookie || !take(line, " ")) return std::nullopt;
  const auto inode = take_number(line);
  if (!inode || !line.empty()) return std::nullopt;
  place.cookie = *cookie;
  place.inode = *inode;
  return place;
}

using LiveEntries = std::map<std::uint64_t, std::vector<Undo>>;

Result<void> read_line(std::string_view line, LiveEntries& live) {
  const bool is_new = line.starts_with('+');
  if (!is_new && !line.starts_with('-')) return error("'{}' is no line of a journal", line.substr(0, 100));
  line.remove_prefix(1);
  const auto entry = take_number(line);
  if (!entry || (is_new ? !take(line, " ") : !line.empty()))
    return error("a line of the journal has no number");
  if (!is_new) {
    live.erase(*entry);
    return {};
  }
  auto undo = undo_from_text(line);
  if (!undo) return tl::unexpected(undo.error());
  live[*entry].push_back(std::move(*undo));
  return {};
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(directory, fault)) {
    if (names.size() == most_journals) break;
    names.push_back(entry.path().filename().string());
  }
  return names;
}

// The youngest first: it may have changed what an older one had changed before. Drafts of theirs are removed.
std::vector<ProcessId> dead_processes(const std::filesystem::path& directory) {
  constexpr std::string_view draft = ".new";
  std::vector<ProcessId> dead;
  for (const std::string& name : names_in(directory)) {
    const bool is_draft = name.ends_with(draft);
    const auto process = process_of_journal(is_draft ? name.substr(0, name.size() - draft.size()) : name);
    if (!process || process->is_alive()) continue;
    if (is_draft)
      ::unlink((directory / name).c_str());  // it had not begun to change anything
    else
      dead.push_back(*process);
  }
  std::ranges::sort(dead, std::ranges::greater(), &ProcessId::started);
  return dead;
}

struct Finished {
  UndoReport report;
  std::optional<std::string> kept_because;
};

Result<Finished> finish_locked(Host& host, const std::filesystem::path& path) {
  if (std::error_code none; !std::filesystem::exists(path, none)) return Finished{};
  const auto contents = read_journal(path);
  if (!contents) return tl::unexpected(contents.error());
  const auto here = NetworkPlace::here();
  if (!here) return tl::unexpected(here.error());
  Finished finished;
  if (contents->place == *here) {
    finished.report = carry_out(host, contents->undos);
    if (!finished.report.failed.empty()) return finished;
  } else if (contents->place.boot == here->boot && !contents->undos.empty() && contents->place.exists()) {
    finished.kept_because = "it is about another network namespace: run spiderling there";
    return finished;
  }
  ::unlink(path.c_str());
  return finished;
}

}  // namespace

Result<JournalContents> read_journal(const std::filesystem::path& path) {
  const auto text = read_checked(path);
  if (!text) return tl::unexpected(text.error());
  std::string_view rest = *text;
  const auto title = next_line(rest);
  if (!title || *title != "spiderling journal 1")
    return error("{} is not a journal of this program", path.string());
  const auto second = next_line(rest);
  const auto place = second ? parse_place(*second) : std::nullopt;
  if (!place) return error("{} does not say which network namespace it is about", path.string());
  LiveEntries live;
  while (const auto line = next_line(rest)) {
    if (auto read = read_line(*line, live); !read)
      return error("{}: {}", path.string(), read.error().message);
  }
  JournalContents contents{*place, {}};
  for (auto& [entry, undos] : live) std::ranges::move(undos, std::back_inserter(contents.undos));
  return contents;
}

Result<UndoReport> finish_journal(Host& host, const std::filesystem::path& path) {
  const auto directory = open_journal_directory(path.parent_path(), false);
  if (!directory) return tl::unexpected(directory.error());
  lock_journals(*directory);
  auto finished = finish_locked(host, path);
  if (!finished) return tl::unexpected(finished.error());
  return std::move(finished->report);
}

Result<LeftBehind> restore_left_behind(Host& host, const std::filesystem::path& directory) {
  LeftBehind found;
  if (std::error_code none; !std::filesystem::exists(directory, none)) return found;
  const auto folder = open_journal_directory(directory, false);
  if (!folder) return tl::unexpected(folder.error());
  lock_journals(*folder);
  for (const ProcessId& process : dead_processes(directory)) {
    const auto finished = finish_locked(host, directory / journal_name(process));
    const auto say = [&](const std::string& text) {
      found.lines.push_back(
          fmt::format("spiderling (process {}) ended without tidying up; {}", process.number, text));
    };
    if (!finished)
      say("its journal is left alone: " + finished.error().message);
    else if (finished->kept_because)
      say("its journal is kept: " + *finished->kept_because);
    else if (const auto& report = finished->report;
             !report.put_back.empty() || !report.left.empty() || !report.failed.empty())
      say(report.text());
  }
  return found;
}

}  // namespace spiderling
