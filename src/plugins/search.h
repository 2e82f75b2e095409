// Where plugins are looked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace spiderling {

/// A file or folder that was passed over, and why: one line that says what to do, the path in it.
struct Refusal {
  std::string file;
  std::string why;
};

/// Folders and files that a command was given, beside those that are always looked at.
struct PluginSearch {
  std::vector<std::string> files;    ///< --plugin: each must be loaded
  std::vector<std::string> folders;  ///< --plugin-dir: before the usual ones
};

/// The folders that are always looked at, those that do not exist too: of SPIDERLING_PLUGIN_PATH (with ':'
/// between them), the user's ~/.local/lib/spiderling/plugins, with sudo that of its caller too, the one that
/// belongs to this program
/// (../lib/spiderling/plugins from the folder that it is in), /usr/local/lib/spiderling/plugins and
/// /usr/lib/spiderling/plugins. Each once.
std::vector<std::string> usual_plugin_folders();

/// The shared objects (*.so) of a folder, sorted by name, links followed. Nothing, if it is not there. A
/// folder or file that people other than its owner may write to, or that belongs to somebody other than root,
/// the user who runs the program or the one who called sudo, is passed over: whoever can change it could run
/// code as this user.
std::vector<std::string> shared_objects_in(const std::string& folder, std::vector<Refusal>& refused);

/// Why a file or folder that nobody has named is not to be trusted, as above; empty: it is. `otherwise`: what
/// its user can do about one of somebody else's, as in "name it with --plugin".
std::string why_not_trusted(const std::string& path, std::string_view otherwise);

/// Folders that somebody named must be there. Those that have no shared object in them are said.
Result<void> check_named_folders(const std::vector<std::string>& folders, std::vector<Refusal>& refused);

/// The file that a module's name stands for: NAME.so or libNAME.so in one of these folders; empty: none.
std::string find_module(const std::string& name, const std::vector<std::string>& folders);

}  // namespace spiderling
