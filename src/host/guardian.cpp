#include "host/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "host/left_behind.h"

namespace spiderling {
namespace {

using Clock = std::chrono::steady_clock;

// What is sent to the guardian: milliseconds until it undoes, or one of these.
constexpr std::int64_t word_go = -1;
constexpr std::int64_t word_never_mind = -2;

constexpr auto never = Clock::time_point::max();

/// What the guardian's process needs to know.
struct Watch {
  int line = -1;     // to the process that is watched
  int process = -1;  // a pidfd of it; -1: an old kernel, and only the line's end says that it is dead
  pid_t group = 0;   // its process group
  std::filesystem::path journal;
};

// Nothing of the other process is kept open by us. The two are above the standard three.
void keep_only(int a, int b) {
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(nothing, 1);
  unsigned first = 3;
  for (const int kept : {std::min(a, b), std::max(a, b)}) {
    if (kept < 0) continue;
    const auto number = static_cast<unsigned>(kept);
    if (number > first) ::syscall(SYS_close_range, first, number - 1, 0U);
    first = number + 1;
  }
  ::syscall(SYS_close_range, first, ~0U, 0U);
}

FileDescriptor above_standard_three(int number) {
  return FileDescriptor(number < 0 ? -1 : ::fcntl(number, F_DUPFD_CLOEXEC, 3));
}

void become_guardian(const Watch& watch) {
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM})
    ::signal(signal, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  ::prctl(PR_SET_NAME, "spiderling-grd", 0, 0, 0);
  [[maybe_unused]] const int root = ::chdir("/");
  keep_only(watch.line, watch.process);
}

constexpr std::array<std::string_view, 8> programs_that_change{
    "nft", "ip", "tc", "sysctl", "iptables", "ip6tables", "iptables-restor", "ethtool"};  // 15 characters

// True for a program that the dead process had started and that may be in the middle of a change. It has been
// sent SIGKILL (it dies with its parent), but a change that it has handed to the kernel is still made.
bool may_still_change(const std::string& stat, pid_t group) {
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 > stat.size()) return false;
  const std::string name = stat.substr(open + 1, close - open - 1);
  if (std::ranges::find(programs_that_change, name) == programs_that_change.end()) return false;
  std::istringstream rest(stat.substr(close + 2));
  char state = '?';
  pid_t parent = 0, its_group = 0;
  rest >> state >> parent >> its_group;
  return its_group == group && state != 'Z' && state != 'X';
}

bool some_program_runs(pid_t group) {
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", fault)) {
    const std::string name = entry.path().filename().string();
    if (name.empty() || name.front() < '0' || name.front() > '9') continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    if (std::getline(file, stat) && may_still_change(stat, group)) return true;
  }
  return false;
}

void wait_for_programs(pid_t group) {
  constexpr std::chrono::seconds longest{3};
  const auto deadline = Clock::now() + longest;
  while (some_program_runs(group) && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void say(const std::string& text) {
  const std::string line = "spiderling: " + text + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void say_report(const char* occasion, const UndoReport& report) {
  if (report.put_back.empty() && report.left.empty() && report.failed.empty()) return;
  say(std::string(occasion) + report.text());
}

void undo_for_good(const Watch& watch, Host& host, const char* occasion) {
  const auto report = finish_journal(host, watch.journal);
  if (report)
    say_report(occasion, *report);
  else
    say(occasion + report.error().message);
}

// The process still lives and will look into its journal itself, so that stays.
void undo_for_now(const Watch& watch, Host& host) {
  constexpr auto occasion = "the time for a configuration of this host is over; ";
  const auto contents = read_journal(watch.journal);
  if (!contents) return say(occasion + contents.error().message);
  say_report(occasion, carry_out(host, contents->undos));
}

enum class News { go, died, time_is_over };

int milliseconds_until(Clock::time_point when) {
  if (when == never) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
}

News wait_for_news(const Watch& watch, Clock::time_point& deadline) {
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{watch.line, POLLIN, 0}, pollfd{watch.process, POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
    if (ready == 0 && Clock::now() >= deadline) {
      deadline = never;
      return News::time_is_over;
    }
    if (ready <= 0) continue;
    std::int64_t word = 0;
    const ssize_t got = polled[0].revents == 0 ? -1 : ::recv(watch.line, &word, sizeof word, MSG_DONTWAIT);
    if (got == sizeof word && word == word_go) return News::go;
    if (got == sizeof word && word == word_never_mind) deadline = never;
    if (got == sizeof word && word >= 0) deadline = Clock::now() + std::chrono::milliseconds(word);
    if (got == 0 || polled[1].revents != 0) return News::died;
  }
}

[[noreturn]] void guard(const Watch& watch,
                        const std::function<std::unique_ptr<Host>()>& make_host) noexcept {
  become_guardian(watch);
  const auto host = make_host();
  Clock::time_point deadline = never;
  for (;;) {
    const News news = wait_for_news(watch, deadline);
    if (news == News::time_is_over) {
      undo_for_now(watch, *host);
      continue;
    }
    if (news == News::died) wait_for_programs(watch.group);
    undo_for_good(watch, *host, news == News::died ? "the measuring process died; " : "");
    ::_exit(0);
  }
}

}  // namespace

Result<Guardian> Guardian::start(const Journal& journal, std::function<std::unique_ptr<Host>()> make_host) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return error("cannot start the guardian: {}", std::strerror(errno));
  FileDescriptor ours(ends[0]);
  const FileDescriptor other_end(ends[1]), opened(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  const FileDescriptor theirs = above_standard_three(other_end.get()),
                       self = above_standard_three(opened.get());
  if (!theirs) return error("cannot start the guardian: {}", std::strerror(errno));
  const Watch watch{theirs.get(), self.get(), ::getpgrp(), std::filesystem::absolute(journal.path())};
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return error("cannot start the guardian: {}", std::strerror(errno));
  if (child == 0) guard(watch, make_host);
  return Guardian(child, std::move(ours));
}

Guardian::Guardian(Guardian&& other) noexcept
    : process_(std::exchange(other.process_, -1)), line_(std::move(other.line_)) {}

Guardian::~Guardian() {
  if (process_ < 0) return;
  [[maybe_unused]] const auto told = tell(word_go);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<void> Guardian::undo_after(std::chrono::milliseconds time) {
  return tell(std::max<std::int64_t>(time.count(), 0));
}

Result<void> Guardian::call_off() { return tell(word_never_mind); }

Result<void> Guardian::tell(std::int64_t milliseconds) {
  if (::send(line_.get(), &milliseconds, sizeof milliseconds, MSG_NOSIGNAL) == sizeof milliseconds) return {};
  return error("the guardian, which would put this host back in order, is gone: {}", std::strerror(errno));
}

}  // namespace spiderling
