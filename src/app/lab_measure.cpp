#include "app/lab_measure.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "host/program.h"

namespace spiderling::app {

namespace {

constexpr std::size_t longest_line = 16 << 20;
constexpr std::size_t jobs_at_once = 64 << 10;

}  // namespace

void show(int file, int to) {
  ::lseek(file, 0, SEEK_SET);
  char buffer[4096];
  ssize_t size = 0;
  while ((size = ::read(file, buffer, sizeof buffer)) > 0) {
    if (::write(to, buffer, static_cast<std::size_t>(size)) != size) return;
  }
}

bool LineCutter::read_from(int stream) {
  char buffer[64 << 10];
  const ssize_t size = ::read(stream, buffer, sizeof buffer);
  if (size > 0) take({buffer, static_cast<std::size_t>(size)});
  return size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN));
}

void LineCutter::take(std::string_view bytes) {
  for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos;
       bytes.remove_prefix(end + 1)) {
    keep(bytes.substr(0, end));
    finish();
  }
  keep(bytes);
}

void LineCutter::keep(std::string_view part) {
  line_.append(part.substr(0, longest_line - std::min(longest_line, line_.size())));
}

void LineCutter::finish() {
  if (!line_.empty()) take_line_(line_);
  line_.clear();
}

LabMeasure::LabMeasure(NextJob next_job, LineCutter::TakeLine take_line)
    : next_job_(std::move(next_job)), lines_(std::move(take_line)) {}

Result<int> LabMeasure::run(std::vector<std::string> words) {
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
    return error("cannot make a pipe: {}", std::strerror(errno));
  FileDescriptor its_input(in[0]), its_output(out[1]), said;
  to_ = FileDescriptor(in[1]);
  from_ = FileDescriptor(out[0]);
  if (quiet_) said = FileDescriptor(::memfd_create("said", MFD_CLOEXEC));
  ProgramStart start;
  start.words = std::move(words);
  start.input = its_input.get();
  start.output = its_output.get();
  start.errors = said ? said.get() : STDERR_FILENO;
  start.new_proc = true;
  start.name = "spiderling";
  const auto program = start_program(start);
  if (!program) return tl::unexpected(program.error());
  its_input = FileDescriptor();
  its_output = FileDescriptor();
  ::fcntl(to_.get(), F_SETFL, O_NONBLOCK);
  exchange();
  int status = 0;
  while (::waitpid(*program, &status, 0) < 0 && errno == EINTR) {
  }
  if (said && exit_status(status) != 0) show(said.get(), STDERR_FILENO);
  return exit_status(status);
}

void LabMeasure::exchange() {
  bool more = true;
  while (more) {
    pollfd streams[] = {{from_.get(), POLLIN, 0}, {to_.get(), POLLOUT, 0}};
    if (::poll(streams, 2, -1) < 0) continue;
    if (streams[1].revents != 0) write_jobs();
    if (streams[0].revents != 0) more = lines_.read_from(from_.get());
  }
  lines_.finish();
}

void LabMeasure::write_jobs() {
  while (pending_.size() < jobs_at_once && next_job_(pending_)) {
  }
  const ssize_t size = ::write(to_.get(), pending_.data(), pending_.size());
  if (size > 0) pending_.erase(0, static_cast<std::size_t>(size));
  const bool reads_no_more = size < 0 && errno != EAGAIN && errno != EINTR;
  if (pending_.empty() || reads_no_more) to_ = FileDescriptor();
}

}  // namespace spiderling::app
