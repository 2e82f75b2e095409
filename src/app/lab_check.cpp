// spiderling lab check: a measurement held against the truth.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "app/lab_command.h"
#include "base/file_descriptor.h"
#include "host/program.h"
#include "lab/job_list.h"
#include "lab/report.h"
#include "lab/servers.h"
#include "lab/truth.h"

namespace spiderling::app {
namespace {

constexpr std::size_t longest_line = 16 << 20;
constexpr std::size_t jobs_at_once = 64 << 10;

// Cuts a stream of bytes into lines for the judge. What is too long for a line is one that cannot be read.
class Lines {
 public:
  explicit Lines(lab::Judge& judge) : judge_(judge) {}

  void take(std::string_view bytes) {
    for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos;
         bytes.remove_prefix(end + 1)) {
      keep(bytes.substr(0, end));
      finish();
    }
    keep(bytes);
  }
  void finish() {
    if (!line_.empty()) judge_.take(line_);
    line_.clear();
  }

 private:
  void keep(std::string_view part) {
    line_.append(part.substr(0, longest_line - std::min(longest_line, line_.size())));
  }
  lab::Judge& judge_;
  std::string line_;
};

// False at the end of the stream, or when it cannot be read.
bool read_into(int from, Lines& lines) {
  char buffer[64 << 10];
  const ssize_t size = ::read(from, buffer, sizeof buffer);
  if (size > 0) lines.take({buffer, static_cast<std::size_t>(size)});
  return size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN));
}

// The measurement, in the prober's network: jobs go in, results come out, both as fast as it likes.
class Measurement {
 public:
  Measurement(const LoadedScenario& loaded, lab::Judge& judge)
      : jobs_(loaded.scenario, loaded.plan), lines_(judge) {}

  /// Its exit status.
  Result<int> run(std::vector<std::string> words) {
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
      return error("cannot make a pipe: {}", std::strerror(errno));
    FileDescriptor its_input(in[0]), its_output(out[1]);
    to_ = FileDescriptor(in[1]);
    from_ = FileDescriptor(out[0]);
    ProgramStart start;
    start.words = std::move(words);
    start.input = its_input.get();
    start.output = its_output.get();
    start.errors = STDERR_FILENO;
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
    return exit_status(status);
  }

 private:
  void exchange() {
    bool more = true;
    while (more) {
      pollfd streams[] = {{from_.get(), POLLIN, 0}, {to_.get(), POLLOUT, 0}};
      if (::poll(streams, 2, -1) < 0) continue;
      if (streams[1].revents != 0) write_jobs();
      if (streams[0].revents != 0) more = read_into(from_.get(), lines_);
    }
    lines_.finish();
  }

  void write_jobs() {
    while (pending_.size() < jobs_at_once && jobs_.append_next(pending_)) {
    }
    const ssize_t size = ::write(to_.get(), pending_.data(), pending_.size());
    if (size > 0) pending_.erase(0, static_cast<std::size_t>(size));
    const bool reads_no_more = size < 0 && errno != EAGAIN && errno != EINTR;
    if (pending_.empty() || reads_no_more) to_ = FileDescriptor();
  }

  lab::JobList jobs_;
  Lines lines_;
  std::string pending_;
  FileDescriptor to_, from_;
};

std::vector<std::string> measure_words(const lab::Scenario& scenario, const LabOptions& options,
                                       const std::string& measurement) {
  std::vector<std::string> words = {"/proc/self/exe", "measure", "-i", lab::link::prober};
  const auto add = [&](const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  add(scenario.options);
  add(options.words);
  words.push_back(measurement);
  const std::string& connect = options.connect.empty() ? scenario.connect : options.connect;
  if (!connect.empty()) add({"--connect", connect});
  return words;
}

Result<void> judge_file(const std::string& path, lab::Judge& judge) {
  const bool standard = path == "-";
  const FileDescriptor file(standard ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error("cannot read {}: {}", path, std::strerror(errno));
  Lines lines(judge);
  while (read_into(file.get(), lines)) {
  }
  lines.finish();
  return {};
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

class Check {
 public:
  Check(const Arguments& arguments, const LabOptions& options, const LoadedScenario& loaded,
        lab::Judge& judge, std::string measurement)
      : arguments_(arguments),
        options_(options),
        loaded_(loaded),
        judge_(judge),
        measurement_(std::move(measurement)) {}

  int run() {
    if (!options_.results.empty()) {
      if (const auto judged = judge_file(options_.results, judge_); !judged)
        return refuse(arguments_, judged.error());
      return report();
    }
    if (const auto possible = lab::check_lab_is_possible(); !possible)
      return refuse(arguments_, possible.error());
    if (const auto programs = lab::find_lab_programs(); !programs)
      return refuse(arguments_, programs.error());
    std::optional<lab::Lab> own;  // ends with this process, however that ends
    auto handle = options_.keep ? kept() : started(own);
    if (!handle) return refuse(arguments_, handle.error());
    return measure_in(*handle);
  }

 private:
  Result<lab::LabHandle> started(std::optional<lab::Lab>& own) {
    auto lab = lab::Lab::start(loaded_.scenario, loaded_.plan);
    if (!lab) return tl::unexpected(lab.error());
    own.emplace(std::move(*lab));
    return own->handle();
  }

  Result<lab::LabHandle> kept() {
    const auto list = lab::LabList::open();
    if (!list) return tl::unexpected(list.error());
    if (const auto running = list->find(loaded_.scenario.name)) return *running;
    return bring_up(loaded_, *list);
  }

  int measure_in(const lab::LabHandle& handle) {
    if (const auto joined = lab::join_lab(handle, lab::Place::prober); !joined)
      return refuse(arguments_, joined.error());
    // Ctrl-C ends the measurement in its own way; what it has found by then is still judged.
    std::signal(SIGINT, SIG_IGN);
    Measurement measurement(loaded_, judge_);
    const auto status = measurement.run(measure_words(loaded_.scenario, options_, measurement_));
    if (!status) return refuse(arguments_, status.error());
    if (*status == bad_request) return bad_request;  // it has said why
    const int verdict = report();
    if (*status != 0)
      fmt::print(stderr, "{}: the measurement ended with status {}\n", arguments_.called_as, *status);
    return *status == 0 ? verdict : failed_while_running;
  }

  int report() const {
    const lab::Verdict verdict = judge_.verdict();
    fmt::print("{}", options_.json ? lab::verdict_json(loaded_.scenario, verdict)
                                   : lab::verdict_text(loaded_.scenario, verdict, wants_color()));
    return verdict.all_right() ? success : failed_while_running;
  }

  const Arguments& arguments_;
  const LabOptions& options_;
  const LoadedScenario& loaded_;
  lab::Judge& judge_;
  std::string measurement_;
};

}  // namespace

int lab_check(const Arguments& arguments, const LabOptions& options) {
  const auto loaded = load_for_lab(options.scenario);
  if (!loaded) return refuse(arguments, loaded.error());
  const std::string measurement =
      options.measurement.empty() ? loaded->scenario.measurement : options.measurement;
  auto judge = lab::Judge::of(loaded->scenario, loaded->plan, measurement);
  if (!judge) return refuse(arguments, judge.error());
  return Check(arguments, options, *loaded, *judge, measurement).run();
}

}  // namespace spiderling::app
