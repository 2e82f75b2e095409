// A lab that runs: started, found again, entered, ended.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/namespaces.h"
#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

enum class Place : std::uint8_t { prober, router, servers };

/// "prober", "router" or "servers".
std::optional<Place> parse_place(std::string_view name);

/// Where a lab is: its init, and the numbers of the descriptors with which that holds the network namespaces.
struct LabHandle {
  pid_t init = -1;
  std::uint64_t started =
      0;  ///< init's start time in clock ticks since boot: a number is used again, this is not
  std::array<int, 3> networks{-1, -1, -1};  ///< by Place
};

/// What a lab needs of this process and machine, looked at before anything is done: capabilities and
/// programs.
Result<void> check_lab_is_possible();

/// A lab that ends with this process and with this object, unless stay() is called. Movable. The starting
/// process has one thread when it starts one.
class Lab {
 public:
  /// Returns when the servers answer. Borrows nothing afterwards.
  static Result<Lab> start(const Scenario& scenario, const AddressPlan& plan);
  Lab(Lab&&) noexcept;
  Lab& operator=(Lab&&) = delete;
  ~Lab();

  const LabHandle& handle() const { return handle_; }
  /// From now on it lives until somebody ends it (end_lab).
  Result<void> stay();

 private:
  Lab() = default;
  Result<void> wait_until_ready();

  LabHandle handle_;
  FileDescriptor control_;  // closed: the lab is no longer ours
};

/// True if its init is still that process.
bool is_alive(const LabHandle& handle);

/// Kills it, and returns when all its processes are gone. Nothing happens if it is gone already.
Result<void> end_lab(const LabHandle& handle);

/// The calling process goes to a place of the lab for good: its network, and for programs started from now
/// on also the lab's PID namespace, so that they end with it. It gets mounts of its own: a /sys that fits,
/// and an empty /run. For a process with one thread, and no threads later.
Result<void> join_lab(const LabHandle& handle, Place place);

// --- labs that stay, by the name of their scenario

/// Holds the list of running labs for itself as long as it lives: of two commands at a time one waits.
class LabList {
 public:
  static Result<LabList> open();
  LabList(LabList&&) noexcept = default;
  LabList& operator=(LabList&&) = delete;
  /// Takes the folder away if it is empty.
  ~LabList();

  /// Entries of labs that are gone (kill -9, for example) are removed.
  std::optional<LabHandle> find(std::string_view scenario) const;
  std::vector<std::string> names() const;
  Result<void> add(std::string_view scenario, const LabHandle& handle) const;
  void remove(std::string_view scenario) const;

 private:
  explicit LabList(FileDescriptor lock) : lock_(std::move(lock)) {}
  FileDescriptor lock_;
};

}  // namespace spiderling::lab
