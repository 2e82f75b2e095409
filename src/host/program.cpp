#include "host/program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace spiderling {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return error("cannot make a pipe: {}", std::strerror(errno));
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// All that the child needs is prepared before the fork: between fork and exec only system calls are safe in a
// program that may have threads.
struct Preparation {
  std::string file;
  std::vector<char*> arguments;
  std::array<int, 3> streams{};
  int network = -1;
  int parent_alive = -1;  // hangs up when the parent ends
  int failure = -1;       // takes the errno of what went wrong
  bool own_group = false;
  bool new_proc = false;
};

[[noreturn]] void fail(const Preparation& p) {
  const int problem = errno;
  [[maybe_unused]] const auto written = ::write(p.failure, &problem, sizeof problem);
  ::_exit(127);
}

// In mounts of its own: the caller's /proc stays the caller's.
void mount_proc(const Preparation& p) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    fail(p);
}

void end_with_parent(const Preparation& p) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(p);
  pollfd parent{p.parent_alive, 0, 0};
  if (::poll(&parent, 1, 0) == 1 && (parent.revents & POLLHUP) != 0) ::_exit(127);
}

void usual_signals() {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGCHLD})
    ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A stream's descriptor may be one of 0, 1, 2 itself: all are moved out of the way first.
void connect_streams(const Preparation& p) {
  std::array<int, 3> moved{};
  for (std::size_t i = 0; i < 3; ++i) {
    moved[i] = ::fcntl(p.streams[i], F_DUPFD_CLOEXEC, 3);
    if (moved[i] < 0) fail(p);
  }
  for (std::size_t i = 0; i < 3; ++i)
    if (::dup2(moved[i], static_cast<int>(i)) < 0) fail(p);
}

[[noreturn]] void become_program(const Preparation& p) {
  end_with_parent(p);
  usual_signals();
  if (p.own_group) ::setpgid(0, 0);
  if (p.network >= 0 && ::setns(p.network, CLONE_NEWNET) != 0) fail(p);
  if (p.new_proc) mount_proc(p);
  connect_streams(p);
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);  // older kernels: ours are all close-on-exec
  ::execv(p.file.c_str(), p.arguments.data());
  fail(p);
}

// The errno of a child that did not become the program; 0 once it has.
int wait_for_exec(const FileDescriptor& failure) {
  int problem = 0;
  while (::read(failure.get(), &problem, sizeof problem) < 0 && errno == EINTR) {
  }
  return problem;
}

void reap(pid_t child, int* status) {
  while (::waitpid(child, status, 0) < 0 && errno == EINTR) {
  }
}

// Keeps what fits; false at the end of the stream.
bool read_some(int from, std::string& into, std::size_t most) {
  char buffer[16384];
  const ssize_t count = ::read(from, buffer, sizeof buffer);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  const std::size_t room = most - std::min(most, into.size());
  into.append(buffer, std::min(room, static_cast<std::size_t>(count)));
  return count > 0;
}

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 1'000'000));
}

// Reads both streams until they end; false if the deadline came first.
bool read_streams(const Pipe& output, const Pipe& errors, ProgramEnd& end, std::size_t most,
                  Clock::time_point deadline) {
  std::array<pollfd, 2> polled{pollfd{output.read.get(), POLLIN, 0}, pollfd{errors.read.get(), POLLIN, 0}};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    const int ready = ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
    if (ready == 0) return false;
    if (ready < 0) continue;
    for (pollfd& stream : polled) {
      if (stream.revents == 0) continue;
      if (!read_some(stream.fd, &stream == &polled[0] ? end.output : end.errors, most)) stream.fd = -1;
    }
  }
  return true;
}

// A program may close its streams and go on.
bool wait_until_dead(pid_t child, int* status, Clock::time_point deadline) {
  const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (handle) {
    pollfd ended{handle.get(), POLLIN, 0};
    int ready = -1;
    while (ready < 0) ready = ::poll(&ended, 1, milliseconds_until(deadline));
    if (ready == 0) return false;
  }
  reap(child, status);
  return true;
}

std::string_view first_line(std::string_view text) {
  while (!text.empty() && (text.front() == '\n' || text.front() == ' ')) text.remove_prefix(1);
  return text.substr(0, text.find('\n'));
}

}  // namespace

int exit_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

std::optional<std::string> find_program(const std::string& name) {
  const auto runs = [](const std::string& file) {
    struct stat about {};
    return ::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) return runs(name) ? std::optional(name) : std::nullopt;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  folders += ":/usr/sbin:/sbin";  // what root needs, also where PATH is a user's
  std::size_t from = 0;
  while (from <= folders.size()) {
    const std::size_t to = std::min(folders.find(':', from), folders.size());
    if (std::string file = folders.substr(from, to - from) + "/" + name; to > from && runs(file)) return file;
    from = to + 1;
  }
  return std::nullopt;
}

Result<pid_t> start_program(const ProgramStart& start) {
  const auto file = find_program(start.words.front());
  if (!file) return error("there is no program '{}' here", start.words.front());
  const FileDescriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto alive = make_pipe();
  auto failure = make_pipe();
  if (!alive) return tl::unexpected(alive.error());
  if (!failure) return tl::unexpected(failure.error());

  Preparation p;
  p.file = *file;
  for (const std::string& word : start.words) p.arguments.push_back(const_cast<char*>(word.c_str()));
  if (start.name != nullptr) p.arguments.front() = const_cast<char*>(start.name);
  p.arguments.push_back(nullptr);
  const auto or_nothing = [&](int stream) { return stream >= 0 ? stream : nothing.get(); };
  p.streams = {or_nothing(start.input), or_nothing(start.output), or_nothing(start.errors)};
  p.network = start.network == nullptr ? -1 : start.network->descriptor();
  p.parent_alive = alive->read.get();
  p.failure = failure->write.get();
  p.own_group = start.own_group;
  p.new_proc = start.new_proc;
  const int write_end = alive->write.get();

  const pid_t child = ::fork();
  if (child < 0) return error("cannot start {}: {}", *file, std::strerror(errno));
  if (child == 0) {
    ::close(write_end);
    become_program(p);
  }
  failure->write = FileDescriptor();
  if (const int problem = wait_for_exec(failure->read); problem != 0) {
    reap(child, nullptr);
    return error("cannot start {}: {}", *file, std::strerror(problem));
  }
  return child;
}

Result<FileDescriptor> text_as_input(const std::string& text) {
  FileDescriptor file(static_cast<int>(::memfd_create("input", MFD_CLOEXEC)));
  std::size_t written = 0;
  while (file && written < text.size()) {
    const ssize_t count = ::write(file.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  if (!file || written < text.size() || ::lseek(file.get(), 0, SEEK_SET) != 0)
    return error("cannot keep a program's input in memory: {}", std::strerror(errno));
  return file;
}

Result<ProgramEnd> run_program(const ProgramRun& run) {
  const auto deadline = Clock::now() + run.deadline;
  auto input = text_as_input(run.input);
  if (!input) return tl::unexpected(input.error());
  auto output = make_pipe();
  if (!output) return tl::unexpected(output.error());
  auto errors = make_pipe();
  if (!errors) return tl::unexpected(errors.error());
  ProgramStart start;
  start.words = run.words;
  start.input = input->get();
  start.output = output->write.get();
  start.errors = errors->write.get();
  start.network = run.network;
  const auto child = start_program(start);
  if (!child) return tl::unexpected(child.error());
  output->write = FileDescriptor();
  errors->write = FileDescriptor();

  ProgramEnd end;
  int status = 0;
  if (!read_streams(*output, *errors, end, run.max_output, deadline) ||
      !wait_until_dead(*child, &status, deadline)) {
    ::kill(*child, SIGKILL);
    reap(*child, nullptr);
    return error("{} did not end within {} ms and was killed", run.words.front(), run.deadline.count());
  }
  end.status = exit_status(status);
  return end;
}

Result<std::string> run_to_success(const ProgramRun& run) {
  auto end = run_program(run);
  if (!end) return tl::unexpected(end.error());
  if (end->status == 0) return std::move(end->output);
  const std::string_view said = first_line(end->errors.empty() ? end->output : end->errors);
  return error("{} failed with status {}{}{}", run.words.front(), end->status, said.empty() ? "" : ": ",
               said);
}

}  // namespace spiderling
