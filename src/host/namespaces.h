// Network namespaces: made, entered, held by nothing but a descriptor.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

/// A network namespace that lives at least as long as this does: no name, no file, nothing to clean up. When
/// the last process and descriptor of it are gone, the kernel takes its interfaces, routes and rules with it.
/// Movable; different threads may use different objects.
class NetworkNamespace {
 public:
  /// A new one, with its loopback up. The calling thread stays where it is. Needs CAP_SYS_ADMIN.
  static Result<NetworkNamespace> make();
  /// The one that the calling thread is in.
  static Result<NetworkNamespace> of_this_thread();
  /// `path` is /proc/PID/ns/net, /proc/PID/fd/NUMBER or /run/netns/NAME.
  static Result<NetworkNamespace> open(const std::string& path);

  int descriptor() const { return file_.get(); }
  /// The calling thread goes there for good.
  Result<void> enter() const;

 private:
  explicit NetworkNamespace(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

/// The calling thread is in a network namespace as long as this lives, then back where it was. What it opens
/// meanwhile (sockets, /proc/sys/net) is that namespace's, also afterwards.
///
///     const auto inside = InNamespace::enter(servers);
///     if (!inside) return tl::unexpected(inside.error());
class InNamespace {
 public:
  static Result<InNamespace> enter(const NetworkNamespace& there);
  InNamespace(InNamespace&&) noexcept = default;
  InNamespace& operator=(InNamespace&&) = delete;
  /// Ends the program if the way back is barred: to go on in the wrong namespace would be worse.
  ~InNamespace();

 private:
  explicit InNamespace(FileDescriptor home) : home_(std::move(home)) {}
  FileDescriptor home_;
};

}  // namespace spiderling
