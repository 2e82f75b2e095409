#include "spiders/flow_watch.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

namespace spiderling {

namespace {

using namespace std::chrono_literals;

constexpr auto frame_wait = 10ms;
// What the kernel has captured it hands on within its block timeout (50 ms): an idle ring has been read up to
// here.
constexpr std::int64_t ring_lag_ns = 150'000'000;
constexpr std::int64_t drops_every_ns = 5'000'000;  // a look at the counter is a system call

template <class Clock>
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}
// That of frames. It may be set while we measure, so it is used only to tell how old a frame is.
std::int64_t wall_ns() { return now_ns<std::chrono::system_clock>(); }
std::int64_t steady_ns() { return now_ns<std::chrono::steady_clock>(); }

// How far behind the present everything has been seen, when these are the latest frames.
std::int64_t lag_of(std::span<const Frame> frames) {
  if (frames.empty()) return ring_lag_ns;
  const std::int64_t age_ns = wall_ns() - frames.back().time_ns;
  return age_ns < 0 ? ring_lag_ns : age_ns;  // negative: the clock was set back behind the frame
}

FlowId id_of(const ExpectedFlow& flow, const HashSeed& seed) {
  return make_flow_id(
      {flow.sip.bytes.data(), flow.dip.bytes.data(), flow.sp, flow.dp, flow.protocol, flow.dip.version},
      seed);
}

}  // namespace

// The observer's door to the watch: what it asks, and where its records go.
class FlowWatch::Records final : public FlowSink, public FlowAdmission {
 public:
  explicit Records(FlowWatch& watch) : watch_(watch) {}
  void flow_ended(const FlowRecord& record) override { watch_.record(record); }
  void answered(const FlowId& flow) override { watch_.answered(flow); }
  void belongs(const Packet& packet) override {
    if (watch_.packets_ != nullptr) watch_.packets_->keep(packet);
  }
  bool wants(const FlowId& flow) const override {
    const auto at = watch_.expected_.find(flow.key);
    if (at == watch_.expected_.end()) return watch_.unnamed_.admit(flow);
    // What is left of an earlier connection of the same five comes from the peer: the flow begins with ours.
    return !at->second.recorded && flow.from_low == at->second.from_low;
  }

 private:
  FlowWatch& watch_;
};

// Keys of ours only: nobody chooses them to collide.
std::size_t FlowWatch::KeyHash::operator()(const FlowKey& key) const noexcept {
  std::uint64_t hash = 0;
  for (const std::uint64_t word : key.words) hash = (hash ^ word ^ hash >> 29) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

FlowWatch::FlowWatch(Source& source, const ChainSet& chains, const FlowWatchOptions& options,
                     std::function<void()> wake)
    : source_(source),
      chains_(chains),
      linger_ns_(std::chrono::nanoseconds(options.linger).count()),
      tells_answers_(options.tells_answers),
      packets_(options.packets),
      wake_(std::move(wake)),
      unnamed_(chains),
      records_(std::make_unique<Records>(*this)),
      observer_(chains,
                {.idle_timeout = options.idle_timeout,
                 .expiry_timeout = options.idle_timeout,  // flows end when their connection was let go
                 .seed = seed_,
                 .admission = records_.get(),
                 .max_failures = options.max_failures,
                 .watchdog = options.watchdog},
                *records_) {}

FlowWatch::~FlowWatch() { stop(); }

void FlowWatch::start() {
  thread_ = std::thread([this] { work(); });
}

void FlowWatch::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  source_.stop();
  thread_.join();
}

void FlowWatch::expect(const ExpectedFlow& flow, std::uint64_t token) {
  give_order(flow, token, Wish::expect);
}
void FlowWatch::let_go(const ExpectedFlow& flow, std::uint64_t token) {
  give_order(flow, token, Wish::let_go);
}
void FlowWatch::forget(const ExpectedFlow& flow, std::uint64_t token) {
  give_order(flow, token, Wish::forget);
}

void FlowWatch::give_order(const ExpectedFlow& flow, std::uint64_t token, Wish wish) {
  add_order({id_of(flow, seed_), token, steady_ns(), wish});
}

void FlowWatch::expect_towards(const IpAddress& dip, std::uint64_t token) {
  add_order({{}, token, steady_ns(), Wish::expect_towards, dip, 0});
}

void FlowWatch::let_go_towards(const IpAddress& dip, std::uint16_t sp, std::uint64_t token) {
  add_order({{}, token, steady_ns(), Wish::let_go_towards, dip, sp});
}

void FlowWatch::add_order(const Order& order) {
  const std::lock_guard lock(mutex_);
  orders_.push_back(order);
}

std::vector<ObservedFlow> FlowWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void FlowWatch::work() {
  FrameStream& stream = source_.stream(0);
  std::array<Frame, Observer::max_batch> room;
  while (true) {
    const auto batch = stream.next(room, frame_wait);
    if (batch.state == StreamState::ended) break;
    take_orders();  // after the packets were read, so that whatever was expected before they left is known
    const auto frames = std::span<const Frame>(room).first(batch.count);
    rounds_.fetch_add(1, std::memory_order_relaxed);
    observer_.process(frames);
    rounds_.fetch_add(1, std::memory_order_relaxed);
    if (packets_ != nullptr) packets_->pause();  // before a result can say what was in them
    look_for_drops();
    settle(lag_of(frames));
    hand_over();
  }
  if (!stopping_.load()) after_the_end();
}

// Connections that are still at work must hear that nobody watches.
void FlowWatch::after_the_end() {
  last_drop_ns_ = std::numeric_limits<std::int64_t>::max();  // whatever comes now is not seen
  ended_.store(true);
  wake_();
  while (!stopping_.load()) {
    take_orders();
    look_for_drops();
    settle(0);
    hand_over();
    std::this_thread::sleep_for(frame_wait);
  }
}

void FlowWatch::take_orders() {
  {
    const std::lock_guard lock(mutex_);
    std::swap(taken_orders_, orders_);
  }
  for (const Order& order : taken_orders_) obey(order);
  taken_orders_.clear();
}

void FlowWatch::obey(const Order& order) {
  switch (order.wish) {
    case Wish::expect:
      expected_.try_emplace(order.flow.key,
                            Expectation{order.token, order.time_ns, order.flow.from_low, false});
      break;
    case Wish::let_go: due_.push_back({order.flow, order.token, order.time_ns + linger_ns_}); break;
    case Wish::forget: forget_now(order); break;
    case Wish::expect_towards: unnamed_.expect(order.dip, order.token, order.time_ns); break;
    case Wish::let_go_towards:
      if (order.sp == 0) {
        close_towards(order.dip, order.token);
      } else {
        due_towards_.push_back({order.dip, order.sp, order.token, order.time_ns + linger_ns_});
      }
      break;
  }
}

void FlowWatch::forget_now(const Order& order) {
  const auto at = expected_.find(order.flow.key);
  if (at == expected_.end() || at->second.token != order.token) return;
  expected_.erase(at);
  observer_.end(order.flow);  // none of it may be found in the next flow of that key
}

void FlowWatch::look_for_drops() {
  const std::int64_t now = steady_ns();
  if (now - last_look_ns_ < drops_every_ns) return;
  last_look_ns_ = now;
  const std::uint64_t dropped = source_.counters().kernel_dropped;
  if (dropped == dropped_) return;
  dropped_ = dropped;
  // Since the last look: every flow that is expected by now may have lost a packet.
  last_drop_ns_ = std::max(last_drop_ns_, steady_ns());
}

// A flow is settled when all its packets were seen, and whether any were dropped.
void FlowWatch::settle(std::int64_t lag_ns) {
  observer_.advance(Timestamp(std::chrono::nanoseconds(wall_ns() - lag_ns)));
  const std::int64_t watched_until_ns = std::min(steady_ns() - lag_ns, last_look_ns_);
  while (!due_.empty() && due_.front().at_ns <= watched_until_ns) {
    settle_one(due_.front());
    due_.pop_front();
  }
  while (!due_towards_.empty() && due_towards_.front().at_ns <= watched_until_ns) {
    settle_towards(due_towards_.front());
    due_towards_.pop_front();
  }
}

void FlowWatch::settle_one(const Due& due) {
  const auto expectation = expected_.find(due.flow.key);
  if (expectation == expected_.end() || expectation->second.token != due.token) {
    recorded_.push_back({due.token, false, {}, {}, false, nullptr});
    return;
  }
  if (!expectation->second.recorded) observer_.end(due.flow);
  if (!expectation->second.recorded) {
    recorded_.push_back({due.token, false, {}, {}, last_drop_ns_ >= expectation->second.since_ns, nullptr});
  }
  expected_.erase(expectation);
}

// By now it is known which of the flows towards the address it was.
void FlowWatch::settle_towards(const DueTowards& due) {
  const FlowId* const running = unnamed_.find(due.dip, due.sp);
  if (running != nullptr) observer_.end(FlowId(*running));  // comes to record()
  UnnamedFlow seen = unnamed_.take(due.dip, due.sp);
  const bool lossy = last_drop_ns_ >= unnamed_.since(due.dip, due.token) ||
                     (seen.states == nullptr && unnamed_.has_overflowed(due.dip));
  recorded_.push_back({due.token, false, seen.first, seen.last, lossy, std::move(seen.states)});
  close_towards(due.dip, due.token);
}

void FlowWatch::close_towards(const IpAddress& dip, std::uint64_t token) {
  for (const FlowId& flow : unnamed_.close(dip, token)) observer_.end(flow);  // nobody's
}

// From within the observer, once a flow.
void FlowWatch::answered(const FlowId& flow) {
  if (!tells_answers_) return;
  const auto at = expected_.find(flow.key);
  if (at == expected_.end()) return;
  ObservedFlow word;
  word.token = at->second.token;
  word.only_answered = true;
  recorded_.push_back(std::move(word));
}

// From within the observer: a flow has ended. Its expectation stays until the connection was let go.
void FlowWatch::record(const FlowRecord& record) {
  const auto at = expected_.find(*record.key);
  if (at == expected_.end()) return unnamed_.record(record);
  if (at->second.recorded) return;
  Expectation& expectation = at->second;
  expectation.recorded = true;
  // Where a chain failed no condition is to be built on what it says.
  const bool lossy = last_drop_ns_ >= expectation.since_ns || record.failed.any();
  recorded_.push_back(
      {expectation.token, false, record.first, record.last, lossy, keep_states(chains_, record.states)});
}

void FlowWatch::hand_over() {
  if (recorded_.empty()) return;
  bool was_empty;
  {
    const std::lock_guard lock(mutex_);
    was_empty = done_.empty();
    std::ranges::move(recorded_, std::back_inserter(done_));
  }
  recorded_.clear();
  if (was_empty) wake_();
}

}  // namespace spiderling
