#include "campaign/run_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "campaign/file_bytes.h"

namespace spiderling {

Result<RunJournal> RunJournal::open(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return error("cannot open the journal {}: {}", path, std::strerror(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return error("the journal {} is no regular file; name another", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return error("the journal {} is used by another process: wait until that has ended, or name another",
                 path);
  RunJournal journal(path, std::move(file));
  if (auto read = journal.read(); !read) return tl::unexpected(read.error());
  return journal;
}

Result<void> RunJournal::read() {
  const auto bytes = read_bytes(file_.get());
  if (!bytes) return error("cannot read the journal {}: {}", path_, bytes.error().message);
  if (is_unbegun_journal(*bytes)) return {};
  auto state = read_journal(*bytes);
  if (!state) return error("cannot use {} as a journal: {}; name another", path_, state.error().message);
  state_ = std::move(*state);
  begun_ = state_.ended ? Begun::finished : Begun::unfinished;
  length_ = state_.valid_length;
  if (::ftruncate(file_.get(), static_cast<off_t>(length_)) != 0)
    return error("cannot cut what was not written whole off the journal {}: {}", path_, std::strerror(errno));
  return {};
}

Result<void> RunJournal::begin(const RunIdentity& run) {
  length_ = 0;
  if (::ftruncate(file_.get(), 0) != 0)
    return error("cannot write the journal {}: {}", path_, std::strerror(errno));
  if (auto written = write(journal_beginning(run)); !written) return written;
  begun_ = Begun::unfinished;
  state_ = JournalState{};
  return sync_folder();
}

Result<void> RunJournal::append(RunProgress& progress) { return write(journal_record(progress)); }

Result<void> RunJournal::end() {
  auto written = write(journal_end());
  if (written) begun_ = Begun::finished;
  return written;
}

Result<void> RunJournal::write(std::string_view record) {
  int reason = write_bytes(file_.get(), length_, record);
  if (reason == 0 && ::fdatasync(file_.get()) != 0) reason = errno;
  if (reason == 0) {
    length_ += record.size();
    return {};
  }
  // If even this fails, the next one to read it cuts it off.
  [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(length_));
  return error("cannot write the journal {}: {}", path_, std::strerror(reason));
}

// A new file is safe when the folder that names it is.
Result<void> RunJournal::sync_folder() const { return spiderling::sync_folder(path_); }

}  // namespace spiderling
