#include "campaign/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file_descriptor.h"

namespace spiderling {

Result<std::vector<std::uint8_t>> read_bytes(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return error("{}", std::strerror(errno));
  return read_bytes(file, 0, static_cast<std::size_t>(status.st_size));
}

Result<std::vector<std::uint8_t>> read_bytes(int file, std::uint64_t offset, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t more = ::pread(file, bytes.data() + got, size - got, static_cast<off_t>(offset + got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return error("{}", std::strerror(errno));
    if (more == 0) break;
    got += static_cast<std::size_t>(more);
  }
  bytes.resize(got);
  return bytes;
}

int write_bytes(int file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Result<void> sync_folder(const std::string& path_of_file) {
  const std::filesystem::path folder = std::filesystem::path(path_of_file).parent_path();
  const std::string name = folder.empty() ? "." : folder.string();
  const FileDescriptor opened(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot do this for a folder (EINVAL): then there is nothing to be done.
  if (!opened || (::fsync(opened.get()) != 0 && errno != EINVAL))
    return error("cannot make {} safe from a power cut: {}", path_of_file, std::strerror(errno));
  return {};
}

}  // namespace spiderling
