#include "app/expand.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "app/intake_options.h"
#include "app/output.h"
#include "app/progress_line.h"
#include "base/boost_asio.h"
#include "base/json_text.h"
#include "connect/name_resolver.h"
#include "jobs/job_intake.h"
#include "spiders/expander.h"

namespace spiderling::app {

namespace {

using namespace std::chrono_literals;

constexpr auto tick = 100ms;
constexpr std::size_t most_reasons = 32;
constexpr const char* other_reasons = "other reasons";

// One run, in the calling thread; the reader has a thread of its own.
class ExpandRun final : private JobFeed {
 public:
  struct Parts {
    const MeasureOptions& options;
    std::string called_as;
    asio::io_context& loop;
    JobIntake& jobs;
    NameResolver& names;
    Output& output;
    std::optional<Output>& unresolved;
    bool shows_progress;
  };
  explicit ExpandRun(const Parts& parts)
      : parts_(parts),
        loop_(parts.loop),
        signals_(loop_, SIGINT, SIGTERM),
        tick_(loop_),
        progress_(parts.shows_progress),
        expander_(
            loop_, *parts.options.measurement->expander(), parts.names, *this, parts.options.workers,
            [this](const Job& job, Expansion&& expansion) { job_finished(job, expansion); }, &calls_) {}

  /// Exit status.
  int run();

 private:
  State next(Job& job) override;
  void job_finished(const Job& job, const Expansion& expansion);
  void came_to_nothing(const Job& job, const std::string& reason);
  void flush();
  void write(Output& output, std::string& lines);
  void wait_for_signal();
  void on_signal();
  void wait_for_tick();
  void stop_taking();
  std::string progress_text(std::chrono::duration<double> elapsed) const;
  std::string counters_line() const;
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", parts_.called_as, line); }

  const Parts parts_;
  asio::io_context& loop_;
  asio::signal_set signals_;
  asio::steady_timer tick_;
  ProgressLine progress_;
  Watchdog watchdog_;
  PluginCalls calls_{parts_.options.description->name, {}, &watchdog_};
  Expander expander_;
  std::string lines_, unresolved_lines_;  // not written yet
  std::uint64_t written_ = 0;             // jobs
  std::uint64_t resolved_ = 0;
  std::uint64_t incomplete_ = 0;
  std::uint64_t left_out_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> nothing_by_reason_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool interrupted_ = false;
  bool stopping_ = false;
  bool done_ = false;
};

int ExpandRun::run() {
  expander_.start([this] {
    done_ = true;
    signals_.cancel();
    tick_.cancel();
  });
  wait_for_signal();
  wait_for_tick();
  while (!done_ && !loop_.stopped()) loop_.run_one();
  flush();
  progress_.finish();
  say(counters_line());
  int status = expander_.held() > 0 ? failed_while_running : success;
  if (!parts_.jobs.reader().failure().empty()) {
    say(parts_.jobs.reader().failure());
    status = failed_while_running;
  }
  for (const Output* output : {&parts_.output, parts_.unresolved ? &*parts_.unresolved : nullptr}) {
    if (output == nullptr || output->status() != Output::Status::failed) continue;
    say(fmt::format("cannot write {}; jobs are missing", output->reason()));
    return failed_while_running;
  }
  return parts_.output.status() == Output::Status::closed_by_reader ? int{success} : status;
}

JobFeed::State ExpandRun::next(Job& job) {
  if (stopping_) return State::ended;
  switch (parts_.jobs.next(job)) {
    case JobIntake::State::job: return State::job;
    case JobIntake::State::waiting: return State::later;
    case JobIntake::State::ended: break;
  }
  return State::ended;
}

void ExpandRun::job_finished(const Job& job, const Expansion& expansion) {
  parts_.jobs.finished(job);
  if (expansion.jobs.empty()) return came_to_nothing(job, expansion.reason);
  ++resolved_;
  left_out_ += expansion.left_out;
  incomplete_ += expansion.incomplete ? 1 : 0;
  for (const Job& one : expansion.jobs) {
    lines_ += '{';
    lines_ += one.members;
    lines_ += "}\n";
    ++written_;
  }
  if (lines_.size() >= write_at_once) flush();
}

// Nothing vanishes: counted by reason, and kept if that is wanted.
void ExpandRun::came_to_nothing(const Job& job, const std::string& reason) {
  const bool has_room = nothing_by_reason_.size() < most_reasons || nothing_by_reason_.contains(reason);
  ++nothing_by_reason_[has_room ? reason : other_reasons];
  if (!parts_.unresolved) return;
  unresolved_lines_ += '{';
  unresolved_lines_ += job.members;
  unresolved_lines_ += job.members.empty() ? "\"unresolved\":" : ",\"unresolved\":";
  append_json_string(unresolved_lines_, reason);
  unresolved_lines_ += "}\n";
  if (unresolved_lines_.size() >= write_at_once) flush();
}

void ExpandRun::flush() {
  write(parts_.output, lines_);
  if (parts_.unresolved) write(*parts_.unresolved, unresolved_lines_);
}

void ExpandRun::write(Output& output, std::string& lines) {
  if (lines.empty()) return;
  if (output.write(lines) != Output::Status::ok) {
    stop_taking();
    loop_.stop();
  }
  lines.clear();
}

void ExpandRun::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code cancelled, int) {
    if (!cancelled) on_signal();
  });
}

void ExpandRun::on_signal() {
  if (interrupted_) return loop_.stop();
  interrupted_ = true;
  progress_.finish();
  fmt::print(stderr, "stopping: {} jobs in flight are finished first; interrupt again to give them up\n",
             expander_.held());
  stop_taking();
  wait_for_signal();
}

void ExpandRun::stop_taking() {
  stopping_ = true;
  parts_.jobs.stop();
  expander_.finish_soon();
}

void ExpandRun::wait_for_tick() {
  tick_.expires_after(tick);
  tick_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    flush();
    progress_.update([this](std::chrono::duration<double> elapsed) { return progress_text(elapsed); });
    wait_for_tick();
  });
}

std::string ExpandRun::progress_text(std::chrono::duration<double> elapsed) const {
  const auto finished = static_cast<double>(expander_.counters().finished);
  return fmt::format("{} done ({}/s), {} asked for, {} jobs written", short_number(finished),
                     short_number(finished / std::max(elapsed.count(), 1e-3)), expander_.held(),
                     short_number(static_cast<double>(written_)));
}

std::string ExpandRun::counters_line() const {
  const ExpanderCounters& counters = expander_.counters();
  const JobCounters& jobs = parts_.jobs.reader().counters();
  std::string line = fmt::format("{} jobs in, {} out; {} resolved", counters.taken, written_, resolved_);
  for (const auto& [reason, count] : nothing_by_reason_) line += fmt::format(", {} {}", count, reason);
  const auto add = [&](std::uint64_t number, std::string_view what) {
    if (number != 0) line += fmt::format(", {} {}", number, what);
  };
  add(incomplete_, "with the addresses of one family only, the other's could not be found out");
  add(left_out_, fmt::format("addresses left out (more than {} of one name)", Resolver::most_addresses));
  add(counters.failures_of_plugin, "failures of the measurement itself");
  add(expander_.held(), "jobs given up");
  IntakeCounters intake = parts_.jobs.counters();
  intake.without_address = 0;  // that is what they are here for
  line += intake.text();
  if (jobs.bad > 0) line += fmt::format(", {} bad lines ({})", jobs.bad, jobs.bad_lines());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
  return line + fmt::format("; {:.3f} s, {:.0f} jobs/s", elapsed.count(),
                            static_cast<double>(counters.finished) / std::max(elapsed.count(), 1e-3));
}

// --- setting it up

class ExpandCommand {
 public:
  ExpandCommand(const Arguments& arguments, MeasureOptions options)
      : arguments_(arguments), options_(std::move(options)) {}

  int run() {
    if (const std::string option = out_of_place(); !option.empty())
      return refuse({fmt::format("{} connects nothing and writes jobs, not results: {} has no meaning for it",
                                 options_.description->name, option)});
    auto lists = read_intake_lists(options_.intake, options_.seed);
    if (!lists) return refuse(lists.error());
    lists->pace = {};  // names have no neighbours, and a resolver of one's own needs no mercy
    lists->pace.rate = options_.intake.rate.value_or(0);
    auto jobs = JobReader::open(options_.input, reader_options_for(arguments_, options_.format()));
    if (!jobs) return refuse(jobs.error());
    asio::io_context loop(1);
    auto names = NameResolver::make(loop, resolver_options());
    if (!names) return refuse(names.error());
    auto output = Output::open(options_.output);
    if (!output) return refuse(output.error());
    std::optional<Output> unresolved;
    if (!options_.expand.unresolved.empty()) {
      auto opened = Output::open(options_.expand.unresolved);
      if (!opened) return refuse(opened.error());
      unresolved.emplace(std::move(*opened));
    }
    const bool shows_progress = isatty(STDERR_FILENO) == 1 && !output->is_terminal();
    JobIntake intake(**jobs, std::move(*lists));
    return ExpandRun(
               {options_, arguments_.called_as, loop, intake, **names, *output, unresolved, shows_progress})
        .run();
  }

 private:
  int refuse(const Error& problem) const {
    say(problem.message);
    return bad_request;
  }
  void say(std::string_view line) const { fmt::print(stderr, "{}: {}\n", arguments_.called_as, line); }

  NameResolverOptions resolver_options() const {
    NameResolverOptions options;
    for (const std::string& text : options_.expand.resolvers) {
      if (const auto address = ResolverAddress::parse(text)) options.resolvers.push_back(*address);
    }
    options.timeout = std::chrono::round<std::chrono::milliseconds>(
        std::chrono::duration<double>(options_.timeout_seconds));
    options.tries = options_.expand.tries;
    return options;
  }

  // What belongs to connections, and to results, says nothing here.
  std::string out_of_place() const {
    const auto& o = options_;
    if (o.hub.wanted()) return "--hub";
    if (!o.survival.journal.empty() || o.survival.resume) return "--journal";
    if (!o.evidence.pcap.empty()) return "--pcap";
    if (!o.evidence.metadata.empty()) return "--metadata";
    if (!o.intake.asn.empty()) return "--asn";
    if (o.intake.retries > 0) return "--retries";
    return {};
  }

  const Arguments& arguments_;
  MeasureOptions options_;
};

}  // namespace

int expand(const Arguments& arguments, MeasureOptions options) {
  return ExpandCommand(arguments, std::move(options)).run();
}

}  // namespace spiderling::app
