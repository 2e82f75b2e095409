// Engine, where configurations are settings of the whole host: a batch of jobs, then for each configuration
// an epoch: set the host up, make all connections, put the host back.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "spiders/await_task.h"
#include "spiders/engine.h"

namespace spiderling {

namespace {

using namespace std::chrono_literals;

// How long a batch waits to be full when the feed has nothing at the moment.
constexpr auto batch_patience = 200ms;

// Opens for all who wait, once.
class Gate {
 public:
  explicit Gate(asio::io_context& loop) : opened_(loop, asio::steady_timer::time_point::max()) {}
  void open() {
    opened_.cancel();
    opened_.expires_at(asio::steady_timer::time_point::min());
  }
  asio::awaitable<void> wait() {
    boost::system::error_code ignored;
    co_await opened_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

 private:
  asio::steady_timer opened_;
};

}  // namespace

asio::awaitable<void> Engine::run_epochs() {
  while (true) {
    const std::vector<std::uint64_t> ids = co_await take_batch();
    if (ids.empty()) break;
    connecting_ = ids.size();
    const std::vector<std::any> from_pre_connect = co_await prepare_batch(ids);
    bool host_obeys = true;
    for (const std::size_t number : order()) {
      const bool obeyed = co_await run_epoch(ids, from_pre_connect, number);
      host_obeys = host_obeys && obeyed;
    }
    connecting_ = 0;
    if (!host_obeys) feed_ended_ = true;
  }
  feed_ended_ = true;
  check_done();
}

// All of the batch at the same time: they may wait for the network.
asio::awaitable<std::vector<std::any>> Engine::prepare_batch(const std::vector<std::uint64_t>& ids) {
  std::vector<std::any> prepared_jobs(ids.size());
  if (!plan_.has_own_connect) co_return prepared_jobs;
  Gate all_prepared(loop_);
  std::size_t open = ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    asio::co_spawn(loop_, prepared(ids[i]), [&, i](std::exception_ptr failure, std::any from_pre_connect) {
      if (failure) std::rethrow_exception(failure);
      prepared_jobs[i] = std::move(from_pre_connect);
      if (--open == 0) all_prepared.open();
    });
  }
  co_await all_prepared.wait();
  co_return prepared_jobs;
}

// As many jobs as there are workers, fewer if no more come for a while; none once the feed has ended.
asio::awaitable<std::vector<std::uint64_t>> Engine::take_batch() {
  std::vector<std::uint64_t> ids;
  auto patience = std::chrono::steady_clock::time_point::max();
  while (!feed_ended_ && ids.size() < plan_.options.workers) {
    if (merger_.size() >= plan_.options.most_held) {
      if (!ids.empty()) break;
      co_await pause();
      continue;
    }
    Job job;
    const JobFeed::State state = feed_.next(job);
    if (state == JobFeed::State::ended) {
      feed_ended_ = true;
    } else if (state == JobFeed::State::job) {
      ids.push_back(take(std::move(job)));
      patience = std::chrono::steady_clock::now() + batch_patience;
    } else {
      if (!ids.empty() && std::chrono::steady_clock::now() >= patience) break;
      co_await pause();
    }
  }
  co_return ids;
}

// Each connection ends by its own deadline, and so does the epoch. False: the host could not be set up or put
// back; then the connections are not made, and no more jobs are taken.
asio::awaitable<bool> Engine::run_epoch(const std::vector<std::uint64_t>& ids,
                                        const std::vector<std::any>& prepared, std::size_t number) {
  const bool configured = co_await set_up(number);
  Gate all_connected(loop_), let_go_gate(loop_);
  std::size_t connecting = ids.size(), open = ids.size();
  const auto let_go = [&]() -> asio::awaitable<void> {
    if (--connecting == 0) all_connected.open();
    co_await let_go_gate.wait();
  };
  Gate all_ended(loop_);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!configured) {
      ConnectionRecord record;
      record.state = ConnectionState::skipped;
      record.reason = failure_;
      merger_.connection_ended(ids[i], number, std::move(record));
      continue;
    }
    asio::co_spawn(loop_, maker_.make(ids[i], number, prepared[i], let_go), [&](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      if (--open == 0) all_ended.open();
    });
  }
  if (!configured) co_return false;
  co_await all_connected.wait();
  const bool is_back = put_back();
  let_go_gate.open();
  co_await all_ended.wait();
  co_return is_back;
}

// By settings that we know, and by what the measurement does on its own. False: no connection is to be made.
asio::awaitable<bool> Engine::set_up(std::size_t number) {
  if (!failure_.empty()) co_return false;
  if (plan_.epochs != nullptr) {
    if (const auto begun = plan_.epochs->begin(number); !begun) {
      failure_ = begun.error().message;
      log::error("the host could not be configured; no more jobs are taken", {{"why", failure_}});
      co_return false;
    }
  }
  if (!plan_.measurement.configures()) co_return true;
  std::string broken;
  try {
    co_await await_call(plan_.calls, PluginFunction::configure,
                        [&] { return plan_.measurement.configure(number); });
    co_return true;
  } catch (...) {
    broken = reason_of(std::current_exception());
  }
  put_back();
  failure_ = "the measurement could not configure the host: " + broken;
  log::error("the host could not be configured; no more jobs are taken", {{"why", failure_}});
  co_return false;
}

bool Engine::put_back() {
  if (plan_.epochs == nullptr) return true;
  const auto ended = plan_.epochs->end();
  if (ended) return true;
  failure_ = ended.error().message;
  log::error("the host could not be put back whole", {{"why", failure_}});
  return false;
}

asio::awaitable<void> Engine::pause() {
  later_.expires_after(JobFeed::pause);
  boost::system::error_code ignored;
  co_await later_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace spiderling
