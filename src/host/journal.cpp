#include "host/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/journal_file.h"

namespace spiderling {
namespace {

Result<void> write_all(const FileDescriptor& file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(file.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error("{}", std::strerror(errno));
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(file.get()) != 0) return error("{}", std::strerror(errno));
  return {};
}

// Written under another name first: whoever sees a journal sees its whole header.
Result<FileDescriptor> make_file(const FileDescriptor& directory, const std::string& name,
                                 const std::string& header) {
  const std::string draft = name + ".new";
  ::unlinkat(directory.get(), draft.c_str(), 0);
  FileDescriptor file(::openat(directory.get(), draft.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return error("{}", std::strerror(errno));
  if (auto written = write_all(file, header); !written) return tl::unexpected(written.error());
  if (::renameat(directory.get(), draft.c_str(), directory.get(), name.c_str()) != 0)
    return error("{}", std::strerror(errno));
  ::fsync(directory.get());
  return file;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& directory) {
  auto folder = open_journal_directory(directory, true);
  if (!folder) return tl::unexpected(folder.error());
  const auto process = ProcessId::of(::getpid());
  if (!process) return tl::unexpected(process.error());
  const auto place = NetworkPlace::here();
  if (!place) return tl::unexpected(place.error());

  std::unique_ptr<Journal> journal(new Journal);
  journal->path_ = directory / journal_name(*process);
  if (std::error_code none; std::filesystem::exists(journal->path_, none))
    return error("this process has a journal already: {}", journal->path_.string());
  const std::string header = journal_header(*place);
  auto file = make_file(*folder, journal_name(*process), header);
  if (!file)
    return error("cannot keep a journal in {}, without which nothing of this host is changed: {}",
                 directory.string(), file.error().message);
  journal->directory_ = std::move(*folder);
  journal->file_ = std::move(*file);
  journal->header_size_ = journal->size_ = header.size();
  return journal;
}

Journal::~Journal() {
  if (live_.empty()) ::unlink(path_.c_str());
}

Journal::Lock Journal::lock() const {
  lock_journals(directory_);
  return Lock(directory_.get());
}

Journal::Lock::~Lock() { ::flock(directory_, LOCK_UN); }

Result<void> Journal::append(const std::string& lines) {
  if (size_ + lines.size() > longest_journal) return error("the journal {} is full", path_.string());
  if (auto written = write_all(file_, lines); !written) {
    // A part of a line would spoil the next one.
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
    return error("cannot write the journal {}: {}", path_.string(), written.error().message);
  }
  size_ += lines.size();
  return {};
}

Result<Journal::Entry> Journal::add(std::span<const Undo> undos) {
  std::string lines;
  for (const Undo& undo : undos) {
    const std::string line = undo_to_text(undo);
    // What could not be read back could not be undone.
    if (const auto read = undo_from_text(line); !read) return tl::unexpected(read.error());
    lines += fmt::format("+{} {}\n", next_, line);
  }
  if (auto done = append(lines); !done) return tl::unexpected(done.error());
  live_.emplace(next_, std::vector<Undo>(undos.begin(), undos.end()));
  return next_++;
}

UndoReport Journal::undo(Host& host, Entry entry) {
  const auto found = live_.find(entry);
  if (found == live_.end()) return {};
  UndoReport report = carry_out(host, found->second);
  if (!report.failed.empty()) return report;
  live_.erase(found);
  if (live_.empty()) {
    if (::ftruncate(file_.get(), static_cast<off_t>(header_size_)) == 0) size_ = header_size_;
  } else if (const auto noted = append(fmt::format("-{}\n", entry)); !noted) {
    report.failed.push_back(noted.error().message);  // harmless: undone again, it changes nothing
  }
  return report;
}

}  // namespace spiderling
