// Other programs (nft, ip, nginx): started, fed, listened to, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/namespaces.h"

namespace spiderling {

/// How a program is started. It always dies with the thread that started it, also when that is killed, and
/// has no descriptor of ours but its standard three.
struct ProgramStart {
  std::vector<std::string>
      words;        ///< its name and arguments; a name without / is looked for in PATH and sbin
  int input = -1;   ///< becomes its standard input; -1 is /dev/null
  int output = -1;  ///< standard output
  int errors = -1;  ///< standard error
  const NetworkNamespace* network = nullptr;  ///< where it runs; null: where the caller is
  /// /proc is mounted anew for it: it starts in another PID namespace than the caller's, in mounts of its
  /// own.
  bool new_proc = false;
  const char* name = nullptr;  ///< its argv[0] where that is not its file's; nullptr: words[0]
  bool own_group = false;      ///< a process group of its own: a terminal's Ctrl-C does not reach it
};

/// The file that a name stands for, as a shell would find it, /usr/sbin and /sbin included; nullopt if there
/// is none. Thread-safe.
std::optional<std::string> find_program(const std::string& name);

/// Starts it; the caller waits for it (waitpid). Thread-safe. Errors: no such program, no permission.
Result<pid_t> start_program(const ProgramStart& start);

/// Text for a program's standard input, as a file without a name: a reader may also open /dev/stdin anew.
Result<FileDescriptor> text_as_input(const std::string& text);

/// A program that runs to its end.
struct ProgramRun {
  std::vector<std::string> words;
  std::string input;
  const NetworkNamespace* network = nullptr;
  std::chrono::milliseconds deadline{30'000};     ///< then it is killed
  std::size_t max_output = std::size_t{1} << 20;  ///< of each of its two streams; what is beyond is not kept
};

struct ProgramEnd {
  int status = 0;  ///< exit status; 128 and the signal's number if a signal ended it
  std::string output;
  std::string errors;
};

/// Runs it and waits. An error is: could not be started, or still ran at its deadline. Thread-safe.
Result<ProgramEnd> run_program(const ProgramRun& run);

/// The same, and its standard output; a status other than 0 is an error too, with the first line that the
/// program wrote about it.
Result<std::string> run_to_success(const ProgramRun& run);

/// What waitpid() said, as ProgramEnd::status.
int exit_status(int wait_status);

}  // namespace spiderling
