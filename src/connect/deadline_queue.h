// Deadlines of many waits, with one timer.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/boost_asio.h"

namespace spiderling {

/// When a wait ends at the latest, in real time.
using Deadline = std::chrono::steady_clock::time_point;

/// Calls each watch whose time has come. A wait that ends before its deadline, as most do, costs no system
/// call and leaves nothing in Asio's queues that could come up later.
///
/// Thread-safety: that of the io_context, one thread. Outlives its watches.
class DeadlineQueue {
 public:
  /// One wait's deadline. Ends with its object.
  class Watch {
   public:
    explicit Watch(DeadlineQueue& queue) : queue_(queue) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// on_deadline() will be called once, from the event loop, not before this time. Replaces an earlier one.
    void set(Deadline at);
    void clear();
    bool is_set() const { return place_ != nowhere; }

   protected:
    virtual ~Watch() { clear(); }

   private:
    friend class DeadlineQueue;
    virtual void on_deadline() = 0;

    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
    DeadlineQueue& queue_;
    std::size_t place_ = nowhere;  // in the heap
  };

  explicit DeadlineQueue(boost::asio::io_context& context);
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;

  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Deadline at;
    Watch* watch;
  };

  void add(Watch& watch, Deadline at);
  void remove(Watch& watch);
  void place(std::size_t where, const Entry& entry);
  void sift_up(std::size_t where, const Entry& entry);
  void sift_down(std::size_t where, const Entry& entry);
  void wake_at(Deadline at);
  void on_timer();

  std::vector<Entry> heap_;  // the earliest first
  boost::asio::steady_timer timer_;
  Deadline armed_ = Deadline::max();  // when the timer will fire
  // The timer's handler may be on its way when this ends: it asks whether this still is.
  std::shared_ptr<DeadlineQueue*> self_ = std::make_shared<DeadlineQueue*>(this);
};

}  // namespace spiderling
