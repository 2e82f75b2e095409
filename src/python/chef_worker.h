// The thread of one chef in Python.
#pragma once

#include <Python.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "base/handler_meter.h"
#include "kitchen/remote_chef.h"
#include "python/chef_queue.h"
#include "python/packet_object.h"
#include "python/ref.h"

namespace spiderling::python {

/// Runs a chef's handlers over what waits in its queue, and keeps what they returned until the kitchen
/// fetches it. Shared by the kitchen's side (RemoteChef) and the thread, since a handler that does not come
/// back keeps the thread for ever. Members without a word on it are the kitchen's thread's.
class ChefWorker {
 public:
  /// `chef`: the instance. With the interpreter's lock.
  ChefWorker(std::string name, Ref chef, bool has_packet_handler, bool has_interval_handler);
  ~ChefWorker();
  ChefWorker(const ChefWorker&) = delete;
  ChefWorker& operator=(const ChefWorker&) = delete;

  void open(const RemoteTerms& terms) { terms_ = terms; }
  ChefQueue& queue() { return queue_; }
  /// The thread's function.
  void run();

  void collect(const RemoteChef::Serve& serve);
  void wait(std::chrono::milliseconds most);
  void abandon();
  bool done() const { return done_.load(std::memory_order_acquire); }
  bool set_aside() const { return set_aside_.load(std::memory_order_relaxed); }
  std::uint64_t handled() const { return handled_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
  std::uint64_t unwritable() const { return unwritable_.load(std::memory_order_relaxed); }
  /// A poke that has been put has not been handled yet.
  bool poke_waits() const { return poke_waits_.load(std::memory_order_relaxed); }
  void note_poke() { poke_waits_.store(true, std::memory_order_relaxed); }
  ChefReport report() const;

 private:
  struct Serving {
    Driver driver;
    Timestamp created;
    std::size_t size;
  };
  struct Servings {
    std::string json;
    std::vector<Serving> each;
  };

  void cook(const WaitingBatch& batch);
  void fetch_handlers();
  void on_packet(const WaitingItem& item, Bytes bytes);
  void on_poke(const WaitingItem& item);
  void serve(PyObject* payload, const WaitingItem& item, Driver driver);
  void failed(HandlerMeter& handler, const char* name);
  void hand_out();
  void note_sent();
  void wake_kitchen();

  // Of both threads.
  ChefQueue queue_;
  RemoteTerms terms_;
  const std::string name_;
  const bool has_packet_handler_;
  const bool has_interval_handler_;
  std::atomic<bool> done_ = false;
  std::atomic<bool> set_aside_ = false;
  std::atomic<bool> poke_waits_ = false;
  std::atomic<std::uint64_t> handled_ = 0, failures_ = 0, unwritable_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable to_collect_;
  std::condition_variable collected_;
  Servings ready_;
  std::vector<HandlerReport> figures_;

  // Of its own thread, with the interpreter's lock.
  Ref chef_;
  Ref packet_handler_;
  Ref interval_handler_;
  Ref encode_;  // what makes JSON of a payload
  PacketLender lender_;
  HandlerWatch watch_;
  HandlerMeter packet_meter_{watch_, 0};
  HandlerMeter interval_meter_{watch_, 1};
  Servings made_;
  std::uint64_t sent_ = 0;
  bool failure_logged_ = false;
  bool payload_logged_ = false;
};

}  // namespace spiderling::python
