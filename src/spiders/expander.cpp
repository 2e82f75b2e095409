#include "spiders/expander.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "spiders/await_task.h"

namespace spiderling {

namespace {

using namespace std::chrono_literals;

// Jobs begun in one go: their questions leave together, and the answers must find room in the sockets.
constexpr std::size_t most_in_one_go = 64;

}  // namespace

// The resolver as a measurement sees it.
class Expander::LoopResolver final : public Resolver {
 public:
  LoopResolver(NameResolver& names, asio::any_io_executor executor, HandlerWatch* watch)
      : names_(names), executor_(std::move(executor)), watch_(watch) {}

  Task<ResolvedName> resolve(std::string name) override {
    co_return co_await InTask<ResolvedName>(executor_, names_.resolve(std::move(name)), watch_);
  }

 private:
  NameResolver& names_;
  asio::any_io_executor executor_;
  HandlerWatch* watch_;
};

Expander::Expander(asio::io_context& loop, ExpandMeasurement& measurement, NameResolver& names, JobFeed& feed,
                   std::size_t workers, Finished finished, PluginCalls* calls)
    : loop_(loop),
      measurement_(measurement),
      names_(names),
      feed_(feed),
      window_(workers, std::chrono::steady_clock::now()),
      finished_(std::move(finished)),
      calls_(calls),
      later_(loop) {}

void Expander::start(std::function<void()> done) {
  done_ = std::move(done);
  pump_later(0ms);
}

void Expander::finish_soon() {
  feed_ended_ = true;
  check_done();
}

void Expander::pump() {
  window_.look(std::chrono::steady_clock::now());
  for (std::size_t begun = 0; !feed_ended_ && held_ < window_.size(); ++begun) {
    if (begun == most_in_one_go) return pump_later(0ms);
    Job job;
    switch (feed_.next(job)) {
      case JobFeed::State::job: break;
      case JobFeed::State::later: return pump_later(JobFeed::pause);
      case JobFeed::State::ended: feed_ended_ = true; return check_done();
    }
    ++counters_.taken;
    ++held_;
    asio::co_spawn(loop_, run_job(std::move(job)), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  if (feed_ended_) return;
  window_.was_full();
  pump_later(GrowingWindow::period);  // nothing may finish in it
}

// Also if it was to be later.
void Expander::pump_later(std::chrono::milliseconds pause) {
  const auto at = std::chrono::steady_clock::now() + pause;
  if (looking_again_ && later_.expiry() <= at) return;
  looking_again_ = true;
  later_.expires_at(at);
  later_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    looking_again_ = false;
    pump();
    check_done();
  });
}

asio::awaitable<void> Expander::run_job(Job job) {
  Expansion expansion = co_await expanded(job);
  finished_(job, std::move(expansion));
  ++counters_.finished;
  --held_;
  if (!feed_ended_) pump_later(0ms);
  check_done();
}

asio::awaitable<Expansion> Expander::expanded(const Job& job) {
  HandlerWatch* const watch = calls_ != nullptr ? &calls_->watch() : nullptr;
  LoopResolver resolver(names_, co_await asio::this_coro::executor, watch);
  Expansion expansion;
  try {
    expansion = co_await await_call(calls_, PluginFunction::expand,
                                    [&] { return measurement_.expand(job, resolver); });
  } catch (...) {
    ++counters_.failures_of_plugin;
    if (calls_ != nullptr) calls_->failed(PluginFunction::expand, reason_of(std::current_exception()));
    expansion = {};
    expansion.reason = "the measurement failed";
  }
  co_return expansion;
}

void Expander::check_done() {
  if (!feed_ended_ || held_ > 0 || !done_) return;
  later_.cancel();
  const auto done = std::exchange(done_, {});
  done();
}

}  // namespace spiderling
