// A chef in Python, as its kitchen sees it.
#pragma once

#include <memory>

#include "base/leavable_thread.h"
#include "python/chef_worker.h"

namespace spiderling::python {

/// See RemoteChef. Its handlers run in a thread of its own.
class PythonChef : public RemoteChef {
 public:
  /// Constructs the chef at open(), when the kitchen's name is known. `chef_class` outlives it.
  PythonChef(PyObject* chef_class, bool has_packet_handler, bool has_interval_handler);
  ~PythonChef() override;

  void open(const RemoteTerms& terms) override;
  bool give(const Packet& packet, Timestamp created) override;
  bool poke(std::chrono::duration<double> interval, Timestamp created) override;
  void hand_over() override { worker_->queue().hand_over(); }
  void collect(const Serve& serve) override { worker_->collect(serve); }
  void wait(std::chrono::milliseconds most) override { worker_->wait(most); }
  void last() override { worker_->queue().close(); }
  bool done() const override { return worker_->done(); }
  void abandon() override { worker_->abandon(); }
  RemoteCounters counters() const override;
  ChefReport report() const override;

 private:
  PyObject* const chef_class_;
  const bool has_packet_handler_;
  const bool has_interval_handler_;
  bool waits_for_room_ = false;
  std::shared_ptr<ChefWorker> worker_;  // the thread's too
  LeavableThread thread_;
  std::uint64_t dropped_ = 0;
  std::uint64_t skipped_pokes_ = 0;
};

}  // namespace spiderling::python
