#include "app/measure_run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/command.h"
#include "connect/connect_context.h"
#include "connect/http.h"

namespace spiderling::app {

namespace {

using namespace std::chrono_literals;

constexpr auto tick = 100ms;
// In longer than a function of a plugin in Python may take when it holds up everything.
constexpr auto most_stuck = 30s;

std::size_t most_connections(const EnginePlan& plan) {
  return plan.options.most_held * plan.configurations.size();
}

// What failed when our own interface was of no use says nothing about the target.
void discard_failures(MergedJob& job, const std::string& trouble) {
  for (JobConnection& one : job.connections) {
    ConnectionRecord& record = one.record;
    if (record.state != ConnectionState::failed && record.state != ConnectionState::timeout) continue;
    record.state = ConnectionState::discard;
    record.reason = fmt::format("{} ({})", trouble, record.reason);
  }
}

FlowWatchOptions watch_options(const MeasureOptions& options, const Measurement& measurement,
                               FlowPackets* packets, Watchdog& watchdog) {
  FlowWatchOptions watch;
  watch.tells_answers = measurement.forger() != nullptr;
  watch.linger = options.linger();
  watch.packets = packets;
  watch.max_failures = {options.max_failures};
  watch.watchdog = &watchdog;
  return watch;
}

MeasureParts with_calls(MeasureParts parts, PluginCalls& calls) {
  parts.plan.calls = &calls;
  return parts;
}

}  // namespace

Result<std::unique_ptr<MeasureRun>> MeasureRun::make(MeasureParts parts) {
  auto loop = std::make_unique<asio::io_context>(1);
  ConnectOptions options;
  options.max_in_flight = most_connections(parts.plan);
  const auto agent = user_agent(SPIDERLING_VERSION, parts.options.contact);
  if (!agent) return tl::unexpected(agent.error());
  options.http.user_agent = *agent;
  auto connect = ConnectContext::make(*loop, std::move(options));
  if (!connect) return tl::unexpected(connect.error());
  return std::unique_ptr<MeasureRun>(new MeasureRun(std::move(parts), std::move(loop), std::move(*connect)));
}

MeasureRun::MeasureRun(MeasureParts parts, std::unique_ptr<asio::io_context> loop,
                       std::shared_ptr<ConnectContext> connect)
    : calls_(parts.options.description->name, {parts.options.max_failures}, &watchdog_),
      parts_(with_calls(std::move(parts), calls_)),
      own_loop_(std::move(loop)),
      loop_(*own_loop_),
      signals_(loop_, SIGINT, SIGTERM),
      tick_(loop_),
      results_(parts_, calls_, guard_, [this] { stop_writing(); }),
      progress_(parts_.shows_progress),
      network_(std::move(connect)),
      watch_(parts_.source, parts_.chains,
             watch_options(parts_.options, parts_.plan.measurement, parts_.evidence.packets(), watchdog_),
             [this] { asio::post(loop_, [this] { engine_.observed(watch_.take()); }); }),
      engine_(loop_, parts_.plan, network_, watch_, *this,
              [this](MergedJob&& job) { job_finished(std::move(job)); }),
      guard_(most_stuck, [this] { give_up_stuck(calls_.running()); }) {}

namespace {

// For as long as the loop runs, the measurement may have functions called in it.
class Begun {
 public:
  Begun(Measurement& measurement, asio::io_context& loop) : measurement_(measurement) {
    measurement_.begin([&loop](std::function<void()> function) { asio::post(loop, std::move(function)); });
  }
  ~Begun() { measurement_.end(); }
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;

 private:
  Measurement& measurement_;
};

}  // namespace

MeasureRunResult MeasureRun::run() {
  const Begun begun(parts_.plan.measurement, loop_);
  watch_.start();
  engine_.start([this] {
    done_ = true;
    signals_.cancel();
    tick_.cancel();
  });
  wait_for_signal();
  wait_for_tick();
  while (!done_ && !loop_.stopped()) loop_.run_one();
  give_up_paused();
  results_.close();
  progress_.finish();
  watch_.stop();
  return result();
}

JobFeed::State MeasureRun::next(Job& job) {
  if (stopping_) return State::ended;
  if (parts_.pause) {
    if (parts_.pause->is_away()) return State::later;
    if (parts_.pause->take(job)) return State::job;
  }
  if (parts_.campaign != nullptr && parts_.campaign->is_behind()) return State::later;
  const State state = next_of_list(job);
  if (state != State::ended) return state;
  result_.list_ended = !parts_.jobs.counters().reached_max_duration;
  return may_ask_again() ? State::later : State::ended;
}

// What is in flight may find that the network is away.
bool MeasureRun::may_ask_again() const { return parts_.pause && engine_.held() + parts_.pause->size() > 0; }

JobFeed::State MeasureRun::next_of_list(Job& job) {
  switch (parts_.jobs.next(job)) {
    case JobIntake::State::job: return State::job;
    case JobIntake::State::waiting: return State::later;
    case JobIntake::State::ended: break;
  }
  return State::ended;
}

void MeasureRun::job_finished(MergedJob&& job) {
  const std::string trouble = observer_trouble();
  if (!trouble.empty()) discard_failures(job, trouble);
  if (trouble.empty() && parts_.pause && parts_.pause->keeps(job)) return;
  results_.add(std::move(job));
}

void MeasureRun::look_at_network() {
  if (!parts_.pause) return;
  parts_.pause->look();
  for (MergedJob& job : parts_.pause->take_counting()) results_.add(std::move(job));
  if (!parts_.pause->failure().empty() && result_.failure.empty() && !stopping_) {
    result_.failure = fmt::format("{}; no more jobs are taken", parts_.pause->failure());
    stop_taking();
  }
  const bool away = parts_.pause->is_away();
  if (away == told_pause_ || stopping_) return;
  told_pause_ = away;
  progress_.finish();
  fmt::print(stderr, "{}\n",
             away ? fmt::format("paused: {}; nobody is asked until it is back", parts_.pause->why())
                  : "going on: the network is back");
}

// At the end. With a journal the next run asks them; without one, what was found says nothing.
void MeasureRun::give_up_paused() {
  if (!parts_.pause) return;
  parts_.pause->look();
  for (MergedJob& job : parts_.pause->take_counting()) results_.add(std::move(job));
  for (MergedJob& job : parts_.pause->give_up()) {
    ++result_.paused;
    if (parts_.campaign != nullptr) continue;
    discard_failures(job, "the network was away");
    results_.add(std::move(job));
  }
}

// No flow comes back any more, and no job is finished. Counted in ticks: while this process is stopped there
// are none.
void MeasureRun::look_at_observer() {
  const std::uint64_t round = watch_.rounds();
  ticks_in_round_ = round % 2 == 1 && round == observers_round_ ? ticks_in_round_ + 1 : 0;
  observers_round_ = round;
  if (ticks_in_round_ * tick < most_stuck) return;
  const auto mine = guard_.own();
  give_up_stuck("the observer, held up by a chain,");
}

// In the guard's thread, while the loop's waits for what does not come back. What there is of results is
// written; nothing else of this run can be brought to an end.
void MeasureRun::give_up_stuck(std::string held_up_by) {
  fmt::print(stderr,
             "{} has not come back for {} and cannot be interrupted: the run is given up, with what was in "
             "flight; {} results\n",
             held_up_by.empty() ? "a plugin" : held_up_by, most_stuck, results_.counters().results);
  results_.write_what_there_is();
  if (parts_.campaign != nullptr) {
    if (const auto closed = parts_.campaign->close(false); !closed)
      fmt::print(stderr, "{}\n", closed.error().message);
    fmt::print(stderr, "not all of the list is done: the same command with --resume goes on\n");
  }
  if (parts_.finish_writing) parts_.finish_writing();
  std::fflush(nullptr);
  std::_Exit(failed_while_running);
}

void MeasureRun::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code cancelled, int) {
    if (!cancelled) on_signal();
  });
}

void MeasureRun::on_signal() {
  if (result_.interrupted) return loop_.stop();
  result_.interrupted = true;
  progress_.finish();
  fmt::print(stderr, "stopping: {} jobs in flight are finished first; interrupt again to give them up\n",
             engine_.held());
  stop_taking();
  wait_for_signal();
}

void MeasureRun::stop_taking() {
  stopping_ = true;
  parts_.jobs.stop();
  engine_.finish_soon();
}

void MeasureRun::stop_writing() {
  stop_taking();
  loop_.stop();
}

void MeasureRun::wait_for_tick() {
  tick_.expires_after(tick);
  tick_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) on_tick();
  });
}

void MeasureRun::on_tick() {
  guard_.beat();
  look_at_network();
  results_.flush();
  look_at_observer();
  if (const std::string why = parts_.evidence.trouble(); !why.empty()) {
    progress_.finish();
    fmt::print(stderr, "{}\n", why);
  }
  progress_.update([this](std::chrono::duration<double> elapsed) { return progress_text(elapsed); });
  for (const std::string& trouble : {observer_trouble(), calls_.exhausted()}) {
    if (trouble.empty() || stopping_) continue;
    result_.failure = fmt::format("{}; no more jobs are taken", trouble);
    stop_taking();
  }
  wait_for_tick();
}

// Through an interface that is down everything is silent: that says nothing about any target.
std::string MeasureRun::observer_trouble() const {
  if (parts_.pause && !watch_.ended()) return {};  // it waits for the interface
  const std::vector<std::string> warnings = parts_.source.warnings();
  if (!warnings.empty()) return warnings.back().substr(0, warnings.back().find(';'));
  return watch_.ended() ? fmt::format("{}: nothing can be observed any more", parts_.options.interface) : "";
}

std::string MeasureRun::progress_text(std::chrono::duration<double> elapsed) const {
  if (parts_.pause && parts_.pause->is_away())
    return fmt::format("paused: {}; {} jobs are asked again when it is back", parts_.pause->why(),
                       parts_.pause->size());
  const auto finished = static_cast<double>(engine_.counters().finished);
  const double seconds = std::max(elapsed.count(), 0.001);
  std::string text = fmt::format("{} done ({}/s), {} connecting, {} still observed", short_number(finished),
                                 short_number(finished / seconds), engine_.connecting(),
                                 engine_.held() - std::min(engine_.held(), engine_.connecting()));
  const SourceProgress list = parts_.jobs.reader().progress();
  if (list.total > 0 && list.done > 0) {
    const double share = std::min(1.0, static_cast<double>(list.done) / static_cast<double>(list.total));
    const auto left = static_cast<long>(seconds / share - seconds + 0.5);
    text += fmt::format(", {:.0f} %, {:02}:{:02} left", share * 100, left / 60, left % 60);
  }
  // Whether targets can be reached at all says most about how a run goes.
  for (const auto& one : results_.conditions().list()) {
    if (!aspect_of(one.condition).ends_with(".connectivity")) continue;
    text += fmt::format(" | {} {}", one.condition, short_number(static_cast<double>(one.count)));
  }
  return text;
}

MeasureRunResult MeasureRun::result() {
  result_.written = results_.counters();
  result_.engine = engine_.counters();
  result_.connections = engine_.connections();
  result_.observer = watch_.counters();
  result_.source = parts_.source.counters();
  result_.unfinished = engine_.held();
  const std::uint64_t repeated = parts_.jobs.counters().repeated;
  result_.engine.taken -= repeated;
  result_.engine.finished -= std::min(repeated, result_.engine.finished);
  if (parts_.pause) {
    result_.asked_again = parts_.pause->asked_again();
    result_.engine.taken -= result_.asked_again;
    result_.engine.finished -= result_.asked_again;
    if (parts_.campaign != nullptr) {
      result_.engine.finished -= result_.paused;
      result_.unfinished += result_.paused;
    }
  }
  if (result_.failure.empty()) result_.failure = engine_.failure();
  if (result_.failure.empty()) result_.failure = parts_.jobs.reader().failure();
  return std::move(result_);
}

}  // namespace spiderling::app
