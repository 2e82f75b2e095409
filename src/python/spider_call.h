// One connection that a spider makes, between the thread that its connect() runs in and the event loop.
#pragma once

#include <Python.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "python/locked_ref.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// Shared by both; members say whose they are.
struct SpiderCall {
  /// What a plugin says of a connection when it is over.
  struct Told {
    ConnectionState state = ConnectionState::ok;
    std::uint16_t sp = 0;
    std::string sip;
    std::string fields;  ///< an object of JSON
  };

  // Set before the thread begins, and then read only.
  std::string dip;
  std::uint16_t dp = 0;
  std::chrono::milliseconds timeout{};
  LockedRef job;                                    ///< a JobState of pathspider/_jobs.py
  std::function<bool(std::function<void()>)> post;  ///< into the loop; false: it takes nothing any more

  // Of the loop.
  Worker* worker = nullptr;              ///< nullptr: nobody waits for this connection any more
  bool connecting = false;               ///< the engine connects for it
  std::function<void()> when_connected;  ///< called once it does not any more
  ConnectionRecord connected{};          ///< what came of it
  bool failed = false;                   ///< connect() raised, or was given up

  // Of the thread, with the interpreter's lock.
  bool used = false;   ///< the engine connects once
  LockedRef returned;  ///< what connect() returned
  Told told;           ///< the loop may read it when the function has returned
};

/// The object that a thread of a spider talks to the engine through. Throws std::runtime_error. With the
/// interpreter's lock.
///   can_connect(dip, dp, timeout)   whether tcp_connect() would do: the job's own target, the first time,
///                                   with no less time than the run gives; timeout may be None
///   tcp_connect()                   (descriptor, local port, state), descriptor -1 if it does not stand
Ref make_worker_object(std::shared_ptr<SpiderCall> call);

/// Makes the type of that object. False: a Python exception is set.
bool make_worker_type();

}  // namespace spiderling::python
