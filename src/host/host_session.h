// All that a command needs before it changes anything of the host.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/guardian.h"
#include "host/host.h"
#include "host/journal.h"

namespace spiderling {

/// The host, a journal and a guardian; what earlier processes have left behind is put back first. Begin it
/// before threads are started and before privileges are dropped; afterwards CAP_NET_ADMIN is enough (see
/// drop_privileges_except). Not thread-safe. Destroyed last, after the marks and the configurator that use
/// it.
///
///     auto session = HostSession::begin();
///     if (!session) return tl::unexpected(session.error());
///     for (const auto& line : (*session)->left_behind()) log_warning(line);
///     auto marks = PacketMarks::install((*session)->host(), (*session)->journal(), changes);
class HostSession {
 public:
  using MakeHost = std::function<std::unique_ptr<Host>()>;

  /// Errors: no CAP_NET_ADMIN, no journal can be kept, no guardian started.
  static Result<std::unique_ptr<HostSession>> begin(
      const std::filesystem::path& directory = Journal::usual_directory());
  HostSession(const HostSession&) = delete;
  HostSession& operator=(const HostSession&) = delete;

  Host& host() { return *host_; }
  Journal& journal() { return *journal_; }
  Guardian& guardian() { return *guardian_; }
  /// One line for each process that had ended without tidying up.
  const std::vector<std::string>& left_behind() const { return left_behind_; }

 private:
  HostSession() = default;

  std::unique_ptr<Host> host_;
  std::vector<std::string> left_behind_;
  // The guardian goes first and has a last look into the journal, then that removes its file.
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Guardian> guardian_;
};

}  // namespace spiderling
