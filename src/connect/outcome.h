// How a step of a connection ended.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "spiderling/connection.h"

namespace spiderling {

/// Default: it went well.
struct Outcome {
  ConnectionState state = ConnectionState::ok;
  std::string reason;  ///< if not ok: one line for a person
  /// The kernel still remembers an earlier connection between the same two ends (TIME_WAIT): nothing was
  /// sent, and another local port will do.
  bool port_taken = false;

  bool ok() const { return state == ConnectionState::ok; }

  static Outcome failed(std::string reason) { return {ConnectionState::failed, std::move(reason), false}; }
  static Outcome timeout(std::string reason) { return {ConnectionState::timeout, std::move(reason), false}; }
  static Outcome skipped(std::string reason) { return {ConnectionState::skipped, std::move(reason), false}; }
  static Outcome discard(std::string reason) { return {ConnectionState::discard, std::move(reason), false}; }
};

/// What an error number of a socket says: of the path and the peer (failed, timeout) or of this machine
/// (discard). `doing` is put before the reason where it is ours: "cannot connect".
Outcome outcome_of_errno(int number, std::string_view doing);

}  // namespace spiderling
