#include "app/measure_run.h"

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "connect/connect_context.h"
#include "connect/http.h"
#include "spiders/combiner.h"

namespace spiderling::app {

namespace {

using namespace std::chrono_literals;

constexpr auto tick = 100ms;
constexpr std::size_t write_at_once = 64 << 10;

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

FlowWatchOptions watch_options(const MeasureOptions& options, const Measurement& measurement) {
  FlowWatchOptions watch;
  watch.tells_answers = measurement.forger() != nullptr;
  watch.linger =
      std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(options.linger_seconds));
  return watch;
}

}  // namespace

Result<std::unique_ptr<MeasureRun>> MeasureRun::make(Parts parts) {
  auto loop = std::make_unique<asio::io_context>(1);
  ConnectOptions options;
  options.max_in_flight = most_connections(parts.plan);
  const auto agent = user_agent(SPIDERLING_VERSION, "");
  if (!agent) return tl::unexpected(agent.error());
  options.http.user_agent = *agent;
  auto connect = ConnectContext::make(*loop, std::move(options));
  if (!connect) return tl::unexpected(connect.error());
  return std::unique_ptr<MeasureRun>(new MeasureRun(std::move(parts), std::move(loop), std::move(*connect)));
}

MeasureRun::MeasureRun(Parts parts, std::unique_ptr<asio::io_context> loop,
                       std::shared_ptr<ConnectContext> connect)
    : parts_(std::move(parts)),
      own_loop_(std::move(loop)),
      loop_(*own_loop_),
      signals_(loop_, SIGINT, SIGTERM),
      tick_(loop_),
      json_(parts_.chains, parts_.options.output_flows),
      progress_(parts_.shows_progress),
      network_(std::move(connect)),
      watch_(parts_.source, parts_.chains, watch_options(parts_.options, parts_.plan.measurement),
             [this] { asio::post(loop_, [this] { engine_.observed(watch_.take()); }); }),
      engine_(loop_, parts_.plan, network_, watch_, *this,
              [this](MergedJob&& job) { job_finished(std::move(job)); }) {}

MeasureRunResult MeasureRun::run() {
  watch_.start();
  engine_.start([this] {
    done_ = true;
    signals_.cancel();
    tick_.cancel();
  });
  wait_for_signal();
  wait_for_tick();
  while (!done_ && !loop_.stopped()) loop_.run_one();
  flush();
  progress_.finish();
  watch_.stop();
  return result();
}

JobFeed::State MeasureRun::next(Job& job) {
  if (stopping_) return State::ended;
  switch (parts_.jobs.next(job)) {
    case JobReader::State::job: return State::job;
    case JobReader::State::waiting: return State::later;
    case JobReader::State::ended: break;
  }
  return State::ended;
}

void MeasureRun::job_finished(MergedJob&& job) {
  if (const std::string trouble = observer_trouble(); !trouble.empty()) discard_failures(job, trouble);
  const std::vector<Condition> conditions = combine(parts_.plan.measurement, job);
  conditions_.add(conditions);
  std::vector<FlowResult> flows;
  for (const JobConnection& one : job.connections) {
    flows.push_back({&one.record, one.flow.states.get(), one.flow.first, one.flow.last, one.flow.lossy});
    if (one.flow.lossy) ++result_.lossy;
  }
  const std::size_t missed = job.missed_flows();
  result_.unobserved += missed;
  json_.append({job.job, conditions, flows, missed}, results_);
  if (results_.size() >= write_at_once) flush();
}

void MeasureRun::flush() {
  if (results_.empty()) return;
  if (!parts_.write(results_)) {
    stop_taking();
    loop_.stop();
  }
  results_.clear();
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

void MeasureRun::wait_for_tick() {
  tick_.expires_after(tick);
  tick_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) on_tick();
  });
}

void MeasureRun::on_tick() {
  flush();
  progress_.update([this](std::chrono::duration<double> elapsed) { return progress_text(elapsed); });
  if (const std::string trouble = observer_trouble(); !trouble.empty() && !stopping_) {
    result_.failure = fmt::format("{}; no more jobs are taken", trouble);
    stop_taking();
  }
  wait_for_tick();
}

// Through an interface that is down everything is silent: that says nothing about any target.
std::string MeasureRun::observer_trouble() const {
  const std::vector<std::string> warnings = parts_.source.warnings();
  if (!warnings.empty()) return warnings.front().substr(0, warnings.front().find(';'));
  return watch_.ended() ? fmt::format("{}: nothing can be observed any more", parts_.options.interface) : "";
}

std::string MeasureRun::progress_text(std::chrono::duration<double> elapsed) const {
  const auto finished = static_cast<double>(engine_.counters().finished);
  const double seconds = std::max(elapsed.count(), 0.001);
  std::string text = fmt::format("{} done ({}/s), {} connecting, {} still observed", short_number(finished),
                                 short_number(finished / seconds), engine_.connecting(),
                                 engine_.held() - std::min(engine_.held(), engine_.connecting()));
  const SourceProgress list = parts_.jobs.progress();
  if (list.total > 0 && list.done > 0) {
    const double share = std::min(1.0, static_cast<double>(list.done) / static_cast<double>(list.total));
    const auto left = static_cast<long>(seconds / share - seconds + 0.5);
    text += fmt::format(", {:.0f} %, {:02}:{:02} left", share * 100, left / 60, left % 60);
  }
  // Whether targets can be reached at all says most about how a run goes.
  for (const auto& one : conditions_.list()) {
    if (!aspect_of(one.condition).ends_with(".connectivity")) continue;
    text += fmt::format(" | {} {}", one.condition, short_number(static_cast<double>(one.count)));
  }
  return text;
}

MeasureRunResult MeasureRun::result() {
  result_.engine = engine_.counters();
  result_.connections = engine_.connections();
  result_.observer = watch_.counters();
  result_.source = parts_.source.counters();
  result_.unfinished = engine_.held();
  if (result_.failure.empty()) result_.failure = engine_.failure();
  if (result_.failure.empty()) result_.failure = parts_.jobs.failure();
  return std::move(result_);
}

}  // namespace spiderling::app
