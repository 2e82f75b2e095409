// What is still to be undone, on disk before anything is done: so that a host is left as found even after
// kill -9.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/undo.h"

namespace spiderling {

/// A process for ever: its number may be given to another, its number and start together may not.
struct ProcessId {
  pid_t number = 0;
  std::uint64_t started = 0;  ///< clock ticks since boot
  bool operator==(const ProcessId&) const = default;

  static Result<ProcessId> of(pid_t number);
  bool is_alive() const;
};

/// The network namespace that a journal speaks of. Undoing it in another one would be damage.
struct NetworkPlace {
  std::string boot;          ///< of /proc/sys/kernel/random/boot_id: after a reboot nothing is left to undo
  std::uint64_t cookie = 0;  ///< SO_NETNS_COOKIE, never used twice; 0 for a kernel without
  std::uint64_t inode = 0;   ///< of /proc/self/ns/net
  bool operator==(const NetworkPlace&) const = default;

  static Result<NetworkPlace> here();
  /// False if no process and no mount is in it that we can see: then its settings are gone with it.
  bool exists() const;
};

/// The journal of this process: a file to which lines are added, each on disk when the call returns. Once
/// open it needs no privilege any more. Not thread-safe.
///
///     const auto entry = journal.add({UndoSysctl{name, before, after}});   // first the way back,
///     if (!entry) return tl::unexpected(entry.error());
///     host.sysctls().write(name, after);                                   // then the step
///     ...
///     journal.undo(host, *entry);
class Journal {
 public:
  using Entry = std::uint64_t;

  static std::filesystem::path usual_directory() { return "/run/spiderling"; }

  /// Makes the directory if need be, for its owner only. Errors: it is not ours alone; not writable.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& directory = usual_directory());
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// Removes the file if nothing is left to undo; one that may not (any more) leaves it empty, for the
  /// guardian.
  ~Journal();

  /// An error means that nothing may be changed.
  Result<Entry> add(std::span<const Undo> undos);
  Result<Entry> add(const Undo& undo) { return add(std::span(&undo, 1)); }
  /// Carries the entry's undos out and forgets it, unless something failed: then the guardian, or the next
  /// start, tries again.
  UndoReport undo(Host& host, Entry entry);

  /// Until it is destroyed, no other spiderling with the same directory chooses what is free on this host, or
  /// undoes.
  class Lock {
   public:
    explicit Lock(int directory) : directory_(directory) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();

   private:
    int directory_;
  };
  /// Waits for it, 5 s at most: a process that hangs must not keep others from their work.
  Lock lock() const;

  const std::filesystem::path& path() const { return path_; }
  bool is_empty() const { return live_.empty(); }

 private:
  Journal() = default;
  Result<void> append(const std::string& lines);

  std::filesystem::path path_;
  FileDescriptor directory_;
  FileDescriptor file_;
  std::size_t header_size_ = 0;
  std::size_t size_ = 0;
  Entry next_ = 1;
  std::map<Entry, std::vector<Undo>> live_;
};

}  // namespace spiderling
