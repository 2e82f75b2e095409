#include "capture/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace spiderling {

namespace {

Result<FileDescriptor> open_path(const std::string& path, const InputFile::Wanted& wanted) {
  const bool standard_input = path == "-";
  if (standard_input && !wanted.from_terminal && ::isatty(STDIN_FILENO) != 0)
    return error("standard input is a terminal; give it {}: < FILE, or name the file", wanted.what);
  FileDescriptor file(standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                     : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file) return file;
  const int reason = errno;
  if (standard_input) return error("standard input is closed; give it {}, or name a file", wanted.what);
  if (reason == ENOENT) return error("{}: no such file; check the name", path);
  if (reason == EACCES) return error("{}: permission denied; run as a user who may read it", path);
  return error("{}: cannot be opened: {}", path, std::strerror(reason));
}

}  // namespace

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path, const Wanted& wanted) {
  auto file = open_path(path, wanted);
  if (!file) return tl::unexpected(file.error());
  struct stat about {};
  if (::fstat(file->get(), &about) != 0) return error("{}: cannot be read: {}", path, std::strerror(errno));
  if (S_ISDIR(about.st_mode)) return error("{} is a directory; name {} in it", path, wanted.named);
  FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return error("{}: cannot make an eventfd: {}", path, std::strerror(errno));
  const bool regular = S_ISREG(about.st_mode);
  if (regular) ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<InputFile>(new InputFile(std::move(*file), std::move(wake), regular,
                                                  regular ? static_cast<std::uint64_t>(about.st_size) : 0));
}

InputFile::Got InputFile::read(std::span<std::uint8_t> room, std::chrono::milliseconds wait) {
  while (true) {
    if (cancelled_.load(std::memory_order_relaxed)) return {State::cancelled};
    if (!regular_) {
      pollfd sources[2] = {{file_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      const int ready = ::poll(sources, 2, wait.count() < 0 ? -1 : static_cast<int>(wait.count()));
      if (ready < 0) return errno == EINTR ? Got{State::waiting} : Got{State::failed, 0, errno};
      if (ready == 0) return {State::waiting};
      if (sources[1].revents != 0) return {State::cancelled};
    }
    const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), limit_ - done()));
    const ssize_t size = ::read(file_.get(), room.data(), left);
    if (size > 0) {
      const std::uint64_t done = done_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(size);
      done_.store(done, std::memory_order_relaxed);
      // A trace that is still being written has grown.
      if (regular_ && done > total()) total_.store(done, std::memory_order_relaxed);
      return {State::data, static_cast<std::size_t>(size)};
    }
    if (size == 0) return {State::ended};
    if (errno == EAGAIN && !regular_) continue;  // somebody else took it: poll again
    if (errno != EINTR) return {State::failed, 0, errno};
  }
}

void InputFile::cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from full, and full would wake as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace spiderling
