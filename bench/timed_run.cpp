// Runs a command and says what it took: wall time, processor time, peak memory. A program of its own, since a
// child started by an interpreter would be charged with the memory that the interpreter had when it forked.
//
//     timed_run RESULT_FILE CPU[,CPU...] COMMAND [ARGUMENT...]
//
// RESULT_FILE gets one line: wall user sys (seconds) peak_kib exit_status. Standard output and error are the
// command's.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int exit_usage = 2;
constexpr int exit_not_started = 127;

bool pin(const char* list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const char* p = list; *p != '\0';) {
    char* end = nullptr;
    const unsigned long cpu = std::strtoul(p, &end, 10);
    if (end == p || cpu >= CPU_SETSIZE || (*end != '\0' && *end != ',')) return false;
    CPU_SET(cpu, &set);
    p = *end == ',' ? end + 1 : end;
  }
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

[[noreturn]] void become(char** command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execvp(command[0], command);
  std::fprintf(stderr, "timed_run: cannot start %s: %s\n", command[0], std::strerror(errno));
  _exit(exit_not_started);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: timed_run RESULT_FILE CPU[,CPU...] COMMAND [ARGUMENT...]\n");
    return exit_usage;
  }
  if (!pin(argv[2])) {
    std::fprintf(stderr, "timed_run: cannot run on processors %s\n", argv[2]);
    return exit_usage;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) become(argv + 3);
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    std::perror("timed_run");
    return exit_usage;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

  std::FILE* result = std::fopen(argv[1], "w");
  if (result == nullptr) {
    std::perror(argv[1]);
    return exit_usage;
  }
  std::fprintf(result, "%.6f %.6f %.6f %ld %d\n", wall.count(), seconds(usage.ru_utime),
               seconds(usage.ru_stime), usage.ru_maxrss, code);
  return std::fclose(result) == 0 ? 0 : exit_usage;
}
