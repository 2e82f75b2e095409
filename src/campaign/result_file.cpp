#include "campaign/result_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "campaign/file_bytes.h"

namespace spiderling {

namespace {

constexpr std::size_t tail_size = 4096;

std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool is_standard_output(const std::string& path) { return path.empty() || path == "-"; }

}  // namespace

Result<ResultFile> ResultFile::open(const std::string& path) {
  const bool standard = is_standard_output(path);
  const std::string name = standard ? "standard output" : path;
  struct stat status {};
  const int found = standard ? ::fstat(STDOUT_FILENO, &status) : ::stat(path.c_str(), &status);
  if (found == 0 && !S_ISREG(status.st_mode))
    return error(
        "--journal needs the results in a file, and {} is none: what went elsewhere cannot be taken "
        "back; use --output FILE",
        name);
  // Standard output may be open for writing only, but what is in it is looked at.
  const char* opened_by = standard ? "/proc/self/fd/1" : path.c_str();
  FileDescriptor file(::open(opened_by, O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return error("cannot open {} to read and write: {}", name, std::strerror(errno));
  if (::fstat(file.get(), &status) != 0) return error("cannot look at {}: {}", name, std::strerror(errno));
  return ResultFile(name, standard, std::move(file), static_cast<std::uint64_t>(status.st_size));
}

std::uint32_t ResultFile::tail() const { return crc_of(last_bytes_); }

bool ResultFile::is_same_as(int file) const {
  struct stat mine {
  }, other{};
  return ::fstat(file_.get(), &mine) == 0 && ::fstat(file, &other) == 0 && mine.st_dev == other.st_dev &&
         mine.st_ino == other.st_ino;
}

Result<std::string> ResultFile::bytes_before(std::uint64_t end) const {
  const std::uint64_t begin = end - std::min<std::uint64_t>(end, tail_size);
  const auto bytes = read_bytes(file_.get(), begin, static_cast<std::size_t>(end - begin));
  if (!bytes) return error("cannot read {}: {}", name_, bytes.error().message);
  return std::string(bytes->begin(), bytes->end());
}

Result<void> ResultFile::begin() {
  if (is_standard_) {
    auto there = bytes_before(length_);
    if (!there) return tl::unexpected(there.error());
    last_bytes_ = std::move(*there);
    return {};
  }
  if (::ftruncate(file_.get(), 0) != 0) return error("cannot empty {}: {}", name_, std::strerror(errno));
  length_ = 0;
  last_bytes_.clear();
  return sync_folder(name_);
}

Result<void> ResultFile::go_on(std::uint64_t length, std::uint32_t tail) {
  if (length_ < length) {
    return error(
        "{} has {} bytes, and {} by the journal: it was emptied (by > of the shell?) or is another "
        "file; use --output FILE, or >> FILE",
        name_, length_, length);
  }
  auto last_bytes = bytes_before(length);
  if (!last_bytes) return tl::unexpected(last_bytes.error());
  if (crc_of(*last_bytes) != tail)
    return error("{} does not hold the results that the journal is about: it was replaced or changed", name_);
  if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0)
    return error("cannot cut {} to what the journal says: {}", name_, std::strerror(errno));
  length_ = length;
  last_bytes_ = std::move(*last_bytes);
  return {};
}

Result<void> ResultFile::write(std::string_view bytes) {
  const int reason = write_bytes(file_.get(), length_, bytes);
  if (reason != 0) {
    cut(length_);
    return error("cannot write {}: {}", name_, std::strerror(reason));
  }
  length_ += bytes.size();
  last_bytes_.append(bytes.substr(bytes.size() - std::min(bytes.size(), tail_size)));
  if (last_bytes_.size() > tail_size) last_bytes_.erase(0, last_bytes_.size() - tail_size);
  return {};
}

Result<void> ResultFile::sync() {
  if (::fdatasync(file_.get()) == 0) return {};
  return error("cannot write {}: {}", name_, std::strerror(errno));
}

void ResultFile::cut(std::uint64_t length) {
  if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0) return;  // the journal says what counts
  if (length == length_) return;
  length_ = length;
  last_bytes_.clear();  // of no use any more
}

}  // namespace spiderling
