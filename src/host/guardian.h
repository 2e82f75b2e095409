// A process that outlives this one by a moment, to undo what this one could not undo any more.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/host.h"
#include "host/journal.h"

namespace spiderling {

/// Undoes the journal when this process ends in whatever way, kill -9 included. It has a session of its own
/// and does not hear SIGINT, SIGTERM, SIGHUP; it holds no file or socket of this process but its standard
/// error, where it says what it has put back. It keeps the privileges that this process has at the start:
/// start it before they are dropped, and before any thread. Not thread-safe.
class Guardian {
 public:
  /// `make_host` is called in the guardian's process.
  static Result<Guardian> start(const Journal& journal, std::function<std::unique_ptr<Host>()> make_host);
  Guardian(Guardian&&) noexcept;
  Guardian& operator=(Guardian&&) = delete;
  /// Tells it to go and waits until it is gone. What is still in the journal, it undoes first.
  ~Guardian();

  /// Undoes the journal after this time although this process lives: it may hang. Until then `call_off` calls
  /// it off. An error: there is no guardian any more.
  Result<void> undo_after(std::chrono::milliseconds time);
  Result<void> call_off();

  pid_t process() const { return process_; }

 private:
  Guardian(pid_t process, FileDescriptor line) : process_(process), line_(std::move(line)) {}
  Result<void> tell(std::int64_t milliseconds);

  pid_t process_;
  FileDescriptor line_;
};

}  // namespace spiderling
