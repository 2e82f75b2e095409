#include "python/chef_worker.h"

#include <fmt/format.h>

#include "base/log.h"
#include "python/packet_types.h"
#include "python/payload_text.h"
#include "python/turn.h"

namespace spiderling::python {

namespace {

constexpr std::size_t hand_out_at = std::size_t{1} << 20;
// What a kitchen that does not fetch lets wait.
constexpr std::size_t most_ready = std::size_t{16} << 20;

// As long as the process: a chef that is left behind is still looked at.
Watchdog& watchdog() {
  static auto* const one = new Watchdog;
  return *one;
}

Timestamp at_ns(std::int64_t ns) { return Timestamp(std::chrono::nanoseconds(ns)); }

Ref handler_of(PyObject* chef, const char* name, bool has) { return has ? attribute(chef, name) : Ref(); }

}  // namespace

ChefWorker::ChefWorker(std::string name, Ref chef, bool has_packet_handler, bool has_interval_handler)
    : name_(std::move(name)),
      has_packet_handler_(has_packet_handler),
      has_interval_handler_(has_interval_handler),
      chef_(std::move(chef)),
      encode_(payload_encoder()),
      watch_(&watchdog(), {fmt::format("packet_handler of chef {}", name_),
                           fmt::format("interval_handler of chef {}", name_)}) {}

// The thread has let go of all that is Python's.
ChefWorker::~ChefWorker() = default;

void ChefWorker::run() {
  WaitingBatch batch;
  while (auto next = queue_.take(std::move(batch))) {
    batch = std::move(*next);
    const Turn turn;
    cook(batch);
  }
  {
    const Turn turn;
    lender_.end();
    for (Ref* each : {&packet_handler_, &interval_handler_, &chef_, &encode_}) *each = Ref();
  }
  done_.store(true, std::memory_order_release);
  wake_kitchen();
}

// A chef may put other handlers in place of its own meanwhile.
void ChefWorker::fetch_handlers() {
  packet_handler_ = handler_of(chef_.get(), "packet_handler", has_packet_handler_);
  interval_handler_ = handler_of(chef_.get(), "interval_handler", has_interval_handler_);
}

void ChefWorker::cook(const WaitingBatch& batch) {
  look_at_scapys_bindings();
  fetch_handlers();
  for (const WaitingItem& item : batch.items) {
    if (queue_.abandoned()) return;
    if (set_aside()) {
      // Nothing more for it; what waits is let go.
    } else if (item.is_poke()) {
      on_poke(item);
    } else {
      on_packet(item, {batch.bytes.data() + item.begin, item.captured});
    }
    queue_.handled(item.captured);
    handled_.fetch_add(1, std::memory_order_relaxed);
    if (made_.json.size() >= hand_out_at) hand_out();
  }
  note_sent();
  hand_out();
}

void ChefWorker::on_packet(const WaitingItem& item, Bytes bytes) {
  if (!packet_handler_) return;
  PyObject* packet = lender_.lend(bytes, item.time_ns, item.wire_length, item.link_type);
  const Ref payload(packet == nullptr ? nullptr : packet_meter_.call([&] {
    return PyObject_CallOneArg(packet_handler_.get(), packet);
  }));
  if (payload)
    serve(payload.get(), item, Driver::packet);
  else
    failed(packet_meter_, "packet_handler");
  lender_.take_back();
}

void ChefWorker::on_poke(const WaitingItem& item) {
  if (interval_handler_) {
    const Ref interval(PyFloat_FromDouble(item.interval));
    const Ref payload(
        interval_meter_.call([&] { return PyObject_CallOneArg(interval_handler_.get(), interval.get()); }));
    if (payload)
      serve(payload.get(), item, Driver::interval);
    else
      failed(interval_meter_, "interval_handler");
  }
  poke_waits_.store(false, std::memory_order_relaxed);
}

void ChefWorker::serve(PyObject* payload, const WaitingItem& item, Driver driver) {
  (driver == Driver::packet ? packet_meter_ : interval_meter_).succeeded();
  if (payload == Py_None) return;
  const std::size_t before = made_.json.size();
  const std::string problem = append_payload_text(made_.json, encode_.get(), payload);
  if (problem.empty()) {
    const Timestamp created = terms_.packets_time ? at_ns(item.created_ns) : std::chrono::system_clock::now();
    made_.each.push_back({driver, created, made_.json.size() - before});
    ++sent_;
    return;
  }
  made_.json.resize(before);
  unwritable_.fetch_add(1, std::memory_order_relaxed);
  if (payload_logged_) return;
  payload_logged_ = true;
  log::error("a chef's payload is no dumpling; this is said once, and counted",
             {{"chef", name_}, {"problem", problem}});
}

void ChefWorker::failed(HandlerMeter& handler, const char* name) {
  const RaisedException raised = take_exception();
  failures_.fetch_add(1, std::memory_order_relaxed);
  if (!failure_logged_) {
    failure_logged_ = true;
    log::error("a chef failed; this is said once, and counted",
               {{"chef", name_}, {"handler", name}, {"problem", raised.text}, {"where", raised.where}});
  }
  log::debug("a chef failed", {{"chef", name_}, {"traceback", raised.traceback}});
  const std::uint64_t in_a_row = handler.failed();
  if (!terms_.max_failures.reached(in_a_row)) return;
  set_aside_.store(true, std::memory_order_relaxed);
  log::error("a chef is set aside, since it failed again and again: it gets nothing more",
             {{"chef", name_}, {"handler", name}, {"failures_in_a_row", in_a_row}, {"problem", raised.text}});
}

// Waits, without the interpreter's lock, while the kitchen has not fetched what is there.
void ChefWorker::hand_out() {
  std::vector<HandlerReport> figures;
  if (has_packet_handler_) figures.push_back({"packet_handler", packet_meter_.figures()});
  if (has_interval_handler_) figures.push_back({"interval_handler", interval_meter_.figures()});
  Py_BEGIN_ALLOW_THREADS;
  std::unique_lock lock(mutex_);
  collected_.wait(lock, [&] { return ready_.json.size() < most_ready || queue_.abandoned(); });
  ready_.json += made_.json;
  ready_.each.insert(ready_.each.end(), made_.each.begin(), made_.each.end());
  figures_ = std::move(figures);
  lock.unlock();
  to_collect_.notify_one();
  Py_END_ALLOW_THREADS;
  made_.json.clear();
  made_.each.clear();
}

void ChefWorker::note_sent() {
  if (made_.each.empty()) return;
  const Ref sent(PyLong_FromUnsignedLongLong(sent_));
  if (!sent || PyObject_SetAttrString(chef_.get(), "dumplings_sent_count", sent.get()) != 0) PyErr_Clear();
}

void ChefWorker::wake_kitchen() {
  const std::lock_guard lock(mutex_);
  to_collect_.notify_one();
}

void ChefWorker::collect(const RemoteChef::Serve& serve) {
  Servings fetched;
  {
    const std::lock_guard lock(mutex_);
    if (ready_.each.empty()) return;
    std::swap(fetched, ready_);
  }
  collected_.notify_one();
  std::size_t begin = 0;
  for (const Serving& one : fetched.each) {
    serve(one.driver, one.created, std::string_view(fetched.json).substr(begin, one.size));
    begin += one.size;
  }
}

void ChefWorker::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  to_collect_.wait_for(lock, most, [&] { return !ready_.each.empty() || queue_.has_much_room() || done(); });
}

void ChefWorker::abandon() {
  queue_.abandon();
  const std::lock_guard lock(mutex_);
  collected_.notify_all();
}

ChefReport ChefWorker::report() const {
  const std::lock_guard lock(mutex_);
  ChefReport report{name_, set_aside(), figures_};
  if (!figures_.empty()) return report;
  if (has_packet_handler_) report.handlers.push_back({"packet_handler", {}});
  if (has_interval_handler_) report.handlers.push_back({"interval_handler", {}});
  return report;
}

}  // namespace spiderling::python
