#include "spiders/engine.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "base/log.h"
#include "spiders/await_task.h"

namespace spiderling {

Engine::Engine(asio::io_context& loop, EnginePlan plan, Network& network, FlowExpectations& watch,
               JobFeed& feed, std::function<void(MergedJob&&)> finished)
    : loop_(loop),
      plan_(std::move(plan)),
      feed_(feed),
      finished_(std::move(finished)),
      merger_([this](MergedJob&& job) { finish(std::move(job)); }),
      maker_(plan_, network, watch, merger_),
      random_(plan_.options.seed),
      later_(loop) {}

void Engine::start(std::function<void()> done) {
  done_ = std::move(done);
  if (one_at_a_time()) {
    asio::co_spawn(loop_, run_epochs(), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  } else {
    asio::post(loop_, [this] { pump(); });
  }
}

void Engine::finish_soon() {
  feed_ended_ = true;
  check_done();
}

void Engine::observed(std::vector<ObservedFlow> flows) {
  for (ObservedFlow& flow : flows) {
    if (flow.only_answered) {
      maker_.answered(flow.token);
    } else {
      merger_.flow_ended(std::move(flow));
    }
  }
  if (!one_at_a_time()) {
    pump();
  } else {
    check_done();
  }
}

bool Engine::has_room() const {
  return connecting_ < plan_.options.workers && merger_.size() < plan_.options.most_held;
}

// A job may end while it is started (no address, say) and pump again: that is left to the pump that runs, or
// a list of such jobs would fill the stack.
void Engine::pump() {
  if (pumping_) return;
  pumping_ = true;
  take_jobs();
  pumping_ = false;
  check_done();
}

void Engine::take_jobs() {
  while (!feed_ended_ && has_room()) {
    Job job;
    switch (feed_.next(job)) {
      case JobFeed::State::job: start_job(take(std::move(job))); break;
      case JobFeed::State::later: return look_again_later();
      case JobFeed::State::ended: feed_ended_ = true; break;
    }
  }
}

void Engine::look_again_later() {
  if (looking_again_) return;
  looking_again_ = true;
  later_.expires_after(JobFeed::pause);
  later_.async_wait([this](boost::system::error_code) {
    looking_again_ = false;
    pump();
  });
}

std::uint64_t Engine::take(Job job) {
  ++counters_.taken;
  const std::uint64_t id = merger_.open(std::move(job), plan_.configurations.size());
  counters_.most_held = std::max(counters_.most_held, merger_.size());
  return id;
}

void Engine::start_job(std::uint64_t id) {
  ++connecting_;
  const bool together = plan_.options.interleave == Interleave::together;
  if (together && !plan_.has_own_connect) return make_together(id, {});
  asio::co_spawn(loop_, run_job(id, together), [this, together](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
    if (!together) connected();
  });
}

asio::awaitable<void> Engine::run_job(std::uint64_t id, bool together) {
  std::any from_pre_connect;
  if (plan_.has_own_connect) from_pre_connect = co_await prepared(id);
  if (together) {
    make_together(id, std::move(from_pre_connect));
    co_return;
  }
  for (const std::size_t number : order()) co_await maker_.make(id, number, from_pre_connect);
}

// All connections of the job, each in a coroutine of its own and no other around them: thousands wait at a
// time.
void Engine::make_together(std::uint64_t id, std::any prepared) {
  struct Shared {
    std::any prepared;
    std::size_t left;
  };
  const auto shared = std::make_shared<Shared>(Shared{std::move(prepared), plan_.configurations.size()});
  for (std::size_t number = 0; number < plan_.configurations.size(); ++number) {
    asio::co_spawn(loop_, maker_.make(id, number, shared->prepared),
                   [this, shared](std::exception_ptr failure) {
                     if (failure) std::rethrow_exception(failure);
                     if (--shared->left == 0) connected();
                   });
  }
}

// A measurement whose pre_connect() fails still has its connections, with nothing prepared.
asio::awaitable<std::any> Engine::prepared(std::uint64_t id) {
  try {
    co_return co_await await_call(plan_.calls, PluginFunction::pre_connect,
                                  [&] { return plan_.measurement.pre_connect(merger_.job(id)); });
  } catch (...) {
    const std::string why = reason_of(std::current_exception());
    if (plan_.calls != nullptr)
      plan_.calls->failed(PluginFunction::pre_connect, why);
    else
      log::warning("pre_connect of the measurement failed", {{"why", why}});
  }
  co_return std::any{};
}

std::vector<std::size_t> Engine::order() {
  std::vector<std::size_t> numbers(plan_.configurations.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  if (plan_.options.interleave == Interleave::random) std::ranges::shuffle(numbers, random_);
  return numbers;
}

void Engine::connected() {
  --connecting_;
  pump();
}

void Engine::finish(MergedJob&& job) {
  ++counters_.finished;
  finished_(std::move(job));
}

void Engine::check_done() {
  if (!feed_ended_ || connecting_ > 0 || merger_.size() > 0 || !done_) return;
  std::exchange(done_, nullptr)();
}

}  // namespace spiderling
