// The process that a lab is: PID 1 of its own PID namespace.
#pragma once

#include "base/file_descriptor.h"
#include "lab/plan.h"
#include "lab/scenario.h"

namespace spiderling::lab {

/// What init and its starter say to each other, one message a packet of a SOCK_SEQPACKET pair.
namespace message {
inline constexpr std::string_view ready = "ready";  ///< init: "ready PROBER ROUTER SERVERS", descriptors of
                                                    ///< network namespaces in /proc/INIT/fd
inline constexpr std::string_view failed = "failed ";   ///< init: and why
inline constexpr std::string_view stay = "stay";        ///< starter: live on without me
inline constexpr std::string_view staying = "staying";  ///< init: from now on only death ends it
inline constexpr std::size_t longest = 4096;
}  // namespace message

/// Builds the lab, starts its servers, says so, and then only waits for the end: of its starter (the other
/// end of `control`), of a server, or its own. For a child process that was cloned with a new PID and a new
/// mount namespace. Nothing is ever cleaned up: when PID 1 is gone, however that came, the kernel kills what
/// is in its PID namespace, and with the last process and descriptor the network namespaces, their
/// interfaces, rules and routes, and the servers' files, which are in a tmpfs of the mount namespace.
[[noreturn]] void run_init(FileDescriptor control, const Scenario& scenario, const AddressPlan& plan);

}  // namespace spiderling::lab
