#include "python/python_chef.h"

#include <stdexcept>

#include "python/turn.h"

namespace spiderling::python {

namespace {

using namespace std::chrono_literals;

constexpr auto end_patience = 2s;  // for a thread that has nothing to do to be gone

// As netdumplings gives it: what the chef may ask about its kitchen.
Ref kitchen_named(const std::string& name) {
  const Ref module(PyImport_ImportModule("netdumplings._kitchen_of_chef"));
  return or_throw(
      Ref(module ? PyObject_CallMethod(module.get(), "KitchenOfChef", "s", name.c_str()) : nullptr));
}

Ref construct(PyObject* chef_class, const std::string& kitchen) {
  const Ref its_kitchen = kitchen_named(kitchen);
  const Ref none(PyTuple_New(0));
  const Ref named(Py_BuildValue("{s:O}", "kitchen", its_kitchen.get()));
  return or_throw(Ref(none && named ? PyObject_Call(chef_class, none.get(), named.get()) : nullptr));
}

}  // namespace

PythonChef::PythonChef(PyObject* chef_class, bool has_packet_handler, bool has_interval_handler)
    : chef_class_(chef_class),
      has_packet_handler_(has_packet_handler),
      has_interval_handler_(has_interval_handler) {}

// The thread may wait for ever: in a handler, or for the interpreter's lock, which another one holds.
PythonChef::~PythonChef() {
  if (!worker_) return;  // never opened
  worker_->queue().close();
  const bool is_done = worker_->done();
  if (!is_done) worker_->abandon();
  thread_.leave(is_done ? end_patience : 0ms);
}

void PythonChef::open(const RemoteTerms& terms) {
  {
    const Turn turn;
    worker_ = std::make_shared<ChefWorker>(name(), construct(chef_class_, kitchen()), has_packet_handler_,
                                           has_interval_handler_);
  }
  waits_for_room_ = terms.wait_for_room;
  worker_->open(terms);
  thread_ = LeavableThread([worker = worker_] { worker->run(); });
}

bool PythonChef::give(const Packet& packet, Timestamp created) {
  const Bytes bytes = packet.data();
  const WaitingItem item{.time_ns = packet.time().time_since_epoch().count(),
                         .created_ns = created.time_since_epoch().count(),
                         .captured = static_cast<std::uint32_t>(bytes.size()),
                         .wire_length = packet.wire_length(),
                         .link_type = packet.link_type()};
  if (worker_->queue().put(item, bytes)) return true;
  if (waits_for_room_) return false;
  ++dropped_;
  return true;
}

// Live, a poke that comes while the last one waits is one too many.
bool PythonChef::poke(std::chrono::duration<double> interval, Timestamp created) {
  ChefQueue& queue = worker_->queue();
  if (waits_for_room_ && !queue.has_room()) return false;
  if (!waits_for_room_ && worker_->poke_waits()) {
    ++skipped_pokes_;
    return true;
  }
  worker_->note_poke();
  return queue.put({.created_ns = created.time_since_epoch().count(), .interval = interval.count()}, {});
}

RemoteCounters PythonChef::counters() const {
  return {dropped_,
          skipped_pokes_,
          worker_->queue().waiting(),
          worker_->handled(),
          worker_->failures(),
          worker_->unwritable(),
          worker_->set_aside()};
}

ChefReport PythonChef::report() const {
  ChefReport report = worker_->report();
  report.queue = QueueFigures{worker_->queue().waiting(), dropped_, skipped_pokes_};
  return report;
}

}  // namespace spiderling::python
