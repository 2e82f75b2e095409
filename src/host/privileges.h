// Giving up what only the start needed.
#pragma once

#include <initializer_list>

#include "base/error.h"
#include "host/capabilities.h"

namespace spiderling {

/// Gives up root and all capabilities for good. Call it when the sources are open and before threads start:
/// what a thread may do is its own. Root becomes the user who called sudo (SUDO_UID, SUDO_GID), else
/// `nobody`; another user with capabilities keeps the name and loses them; for a user without any nothing
/// changes. No program run later can gain privileges again. Not thread-safe. An error means that privileges
/// may be left: end the program.
Result<void> drop_privileges();

/// The same, but for these capabilities, which the thread keeps (those that it has) together with the
/// programs that it starts: `nft` needs CAP_NET_ADMIN as much as SO_MARK does.
Result<void> drop_privileges_except(std::initializer_list<Capability> kept);

}  // namespace spiderling
