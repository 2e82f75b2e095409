// Giving up what only the start needed.
#pragma once

#include "base/error.h"

namespace spiderling {

/// Gives up root and all capabilities for good. Call it when the sources are open and before threads start:
/// what a thread may do is its own. Root becomes the user who called sudo (SUDO_UID, SUDO_GID), else
/// `nobody`; another user with capabilities keeps the name and loses them; for a user without any nothing
/// changes. No program run later can gain privileges again. Not thread-safe. An error means that privileges
/// may be left: end the program.
Result<void> drop_privileges();

}  // namespace spiderling
