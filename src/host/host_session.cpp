#include "host/host_session.h"

#include <utility>

#include "host/capabilities.h"
#include "host/left_behind.h"
#include "host/system_host.h"

namespace spiderling {
namespace {

std::unique_ptr<Host> this_host() { return std::make_unique<SystemHost>(); }

}  // namespace

Result<std::unique_ptr<HostSession>> HostSession::begin(const std::filesystem::path& directory) {
  if (auto able = need_capabilities("this host cannot be configured", {Capability::net_admin}); !able)
    return tl::unexpected(able.error());
  std::unique_ptr<HostSession> session(new HostSession);
  session->host_ = this_host();
  auto found = restore_left_behind(*session->host_, directory);
  if (!found) return tl::unexpected(found.error());
  session->left_behind_ = std::move(found->lines);
  auto journal = Journal::open(directory);
  if (!journal) return tl::unexpected(journal.error());
  session->journal_ = std::move(*journal);
  auto guardian = Guardian::start(*session->journal_, this_host);
  if (!guardian) return tl::unexpected(guardian.error());
  session->guardian_ = std::make_unique<Guardian>(std::move(*guardian));
  return session;
}

}  // namespace spiderling
