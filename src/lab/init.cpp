#include "lab/init.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "lab/running_servers.h"
#include "lab/topology.h"

namespace spiderling::lab {
namespace {

// Exists everywhere, and nothing that a server needs is in it.
constexpr const char* servers_folder = "/tmp";
constexpr rlim_t open_files = 1 << 18;

[[noreturn]] void die() { ::_exit(1); }

void say(const FileDescriptor& control, std::string_view text) {
  text = text.substr(0, message::longest);
  [[maybe_unused]] const auto sent = ::send(control.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// The kernel sends SIGKILL when the starter dies; one that died before that was asked for has closed its end.
void end_with_starter(const FileDescriptor& control) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) die();
  pollfd starter{control.get(), 0, 0};
  if (::poll(&starter, 1, 0) == 1 && (starter.revents & POLLHUP) != 0) die();
}

// No terminal, no signals from one, no streams; only errors travel, through `control`.
void leave_terminal() {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int stream : {0, 1, 2}) ::dup2(nothing, stream);
  if (nothing > 2) ::close(nothing);
  if (::chdir("/") != 0) die();
}

// What the starter had open is not the lab's: a lock would be held for ever, a pipe never end.
void close_all_but(const FileDescriptor& control) {
  const auto kept = static_cast<unsigned>(control.get());
  if (kept > 3) ::syscall(SYS_close_range, 3U, kept - 1, 0U);
  ::syscall(SYS_close_range, kept + 1, ~0U, 0U);
}

// Copies of the host's mounts, which follow it (an unmounted disk is free) and which it never sees.
Result<void> own_mounts() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return error("cannot make mounts of the lab's own: {}", std::strerror(errno));
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return error("cannot mount /proc in the lab: {}", std::strerror(errno));
  if (::mount("tmpfs", servers_folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m") != 0)
    return error("cannot mount a tmpfs in the lab: {}", std::strerror(errno));
  return {};
}

// As many as allowed: a server without enough says so itself.
void allow_many_open_files() {
  rlimit limit{open_files, open_files};
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

FileDescriptor watch_children() {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  return FileDescriptor(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Also of those that lost their parent and became ours.
void reap_children(const RunningServers& servers) {
  int status = 0;
  for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG)) > 0;)
    if (servers.has(child)) die();  // half a lab would only measure itself
}

// Reads the starter's message, or its end.
void hear(FileDescriptor& control) {
  char text[message::longest];
  const ssize_t size = ::recv(control.get(), text, sizeof text, 0);
  if (size > 0 && std::string_view(text, static_cast<std::size_t>(size)) == message::stay) {
    ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    say(control, message::staying);
    control = FileDescriptor();
    return;
  }
  if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) die();
}

[[noreturn]] void wait_for_the_end(FileDescriptor control, const FileDescriptor& children,
                                   const RunningServers& servers) {
  while (true) {
    pollfd events[] = {{control.get(), POLLIN, 0}, {children.get(), POLLIN, 0}};
    if (::poll(events, 2, -1) < 0) continue;
    if (events[0].revents != 0) hear(control);
    if (events[1].revents != 0) {
      signalfd_siginfo news{};
      while (::read(children.get(), &news, sizeof news) > 0) {
      }
      reap_children(servers);
    }
  }
}

}  // namespace

void run_init(FileDescriptor control, const Scenario& scenario, const AddressPlan& plan) {
  end_with_starter(control);
  leave_terminal();
  close_all_but(control);
  const FileDescriptor children = watch_children();
  allow_many_open_files();
  const auto fail = [&](const Error& why) {
    say(control, fmt::format("{}{}", message::failed, why.message));
    die();
  };
  if (const auto mounted = own_mounts(); !mounted) fail(mounted.error());
  const auto topology = build_topology(scenario, plan);
  if (!topology) fail(topology.error());
  RunningServers servers(servers_folder, *topology);
  if (const auto started = servers.start(scenario, plan); !started) fail(started.error());
  say(control, fmt::format("{} {} {} {}", message::ready, topology->prober.descriptor(),
                           topology->router.descriptor(), topology->servers.descriptor()));
  wait_for_the_end(std::move(control), children, servers);
}

}  // namespace spiderling::lab
