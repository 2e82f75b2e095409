#include "campaign/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace spiderling {
namespace {

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

Error cannot_write(const std::string& path, int reason) {
  return Error{fmt::format("{} cannot be written: {}", path, std::strerror(reason))};
}

}  // namespace

Result<FileDescriptor> create_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return tl::unexpected(cannot_write(path, errno));
  return file;
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".tmp";
  auto file = create_file(beside);
  if (!file) return tl::unexpected(file.error());
  const bool written = write_all(file->get(), text) && ::fsync(file->get()) == 0;
  if (written && ::rename(beside.c_str(), path.c_str()) == 0) return {};
  const int reason = errno;
  ::unlink(beside.c_str());
  return tl::unexpected(cannot_write(path, reason));
}

Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error("{} cannot be read: {}", path, std::strerror(errno));
  std::string text;
  char room[65536];
  while (true) {
    const ssize_t size = ::read(file.get(), room, sizeof room);
    if (size == 0) return text;
    if (size < 0 && errno != EINTR) return error("{} cannot be read: {}", path, std::strerror(errno));
    if (size > 0) text.append(room, static_cast<std::size_t>(size));
    if (text.size() > most_bytes)
      return error("{} is longer than {} bytes; is it the right file?", path, most_bytes);
  }
}

}  // namespace spiderling
