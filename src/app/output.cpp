#include "app/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace spiderling::app {

Result<Output> Output::open(const std::string& path) {
  if (path.empty() || path == "-") return Output(STDOUT_FILENO, false, "standard output");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return error("cannot write {}: {}", path, std::strerror(errno));
  return Output(fd, true, path);
}

Output::Output(Output&& other) noexcept
    : fd_(other.fd_), owned_(other.owned_), name_(std::move(other.name_)), status_(other.status_) {
  other.owned_ = false;
}

Output::~Output() {
  if (owned_) ::close(fd_);
}

Output::Status Output::write(std::string_view bytes) {
  while (status_ == Status::ok && !bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR) {
      status_ = errno == EPIPE ? Status::closed_by_reader : Status::failed;
      reason_ = fmt::format("{}: {}", name_, std::strerror(errno));
    }
  }
  return status_;
}

bool Output::is_terminal() const { return isatty(fd_) == 1; }

}  // namespace spiderling::app
