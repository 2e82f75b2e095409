#include "capture/trace_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace spiderling {
namespace {

constexpr const char* standard_output = "standard output";

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::open(const std::string& path) {
  const bool to_output = path == "-";
  FileDescriptor file(to_output ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return error("{} cannot be written: {}; name another file", path, std::strerror(errno));
  return into(std::move(file), to_output ? standard_output : path);
}

std::unique_ptr<TraceWriter> TraceWriter::into(FileDescriptor file, const std::string& path) {
  const std::string_view name(path);
  const bool packed = name.ends_with(".zst");
  const std::string_view plain = packed ? name.substr(0, name.size() - 4) : name;
  const auto kind = plain.ends_with(".pcapng") ? TraceFormat::Kind::pcapng : TraceFormat::Kind::pcap;
  return std::unique_ptr<TraceWriter>(new TraceWriter(path, std::move(file), kind, packed));
}

TraceWriter::~TraceWriter() {
  if (!closed_) static_cast<void>(close());
}

Result<void> TraceWriter::write(std::span<const std::uint8_t> records) {
  if (records.empty()) return {};
  const std::lock_guard lock(mutex_);
  if (auto done = store(format_.take_preamble()); !done) return done;
  return store(records);
}

Result<void> TraceWriter::close() {
  const std::lock_guard lock(mutex_);
  if (closed_) return {};
  closed_ = true;
  auto done = store(format_.take_preamble(true));
  if (done && packer_) done = write_all(packer_->finish());
  // Some file systems tell only now that there was no room.
  const bool closed = ::close(file_.release()) == 0;
  if (done && !closed) return error("{} could not be written to its end: {}", path_, std::strerror(errno));
  return done;
}

Result<void> TraceWriter::store(std::span<const std::uint8_t> bytes) {
  if (!packer_ || bytes.empty()) return write_all(bytes);
  const auto packed = packer_->pack(bytes);
  if (packed.empty() && failure_.empty()) failure_ = fmt::format("{}: no memory to pack it", path_);
  return write_all(packed);
}

Result<void> TraceWriter::write_all(std::span<const std::uint8_t> bytes) {
  if (!failure_.empty()) return tl::unexpected(Error{failure_});
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t size = ::write(file_.get(), bytes.data() + written, bytes.size() - written);
    if (size >= 0) {
      written += static_cast<std::size_t>(size);
    } else if (errno != EINTR) {
      const int reason = errno;
      cut_back();
      const char* what_to_do = reason == ENOSPC ? "; make room and run again" : "";
      failure_ = fmt::format("{} cannot be written on: {}{}", path_, std::strerror(reason), what_to_do);
      return tl::unexpected(Error{failure_});
    }
  }
  size_.fetch_add(bytes.size(), std::memory_order_relaxed);
  return {};
}

// No half record at the end. Standard output may be a file that was not empty, or a pipe.
void TraceWriter::cut_back() {
  if (path_ == standard_output) return;
  [[maybe_unused]] const int done = ::ftruncate(file_.get(), static_cast<off_t>(size()));
}

}  // namespace spiderling
