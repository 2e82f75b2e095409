#include "plugins/python_door.h"

#include <dlfcn.h>

#include <atomic>
#include <mutex>

#include "plugins/python_measurements.h"

namespace spiderling {

namespace {

namespace fs = std::filesystem;

constexpr const char* library_name = "libspiderling-python.so";

std::atomic<PythonHost*> running{nullptr};

Result<PythonHost*> open_door() {
  PythonFolders folders = python_folders();
  folders.current_folder = why_current_folder_is_passed_over().empty();
  // Global: the extension modules of Debian's Python take its functions from whoever loaded them.
  void* handle = ::dlopen(folders.library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return error("plugins in Python need libpython3.11 and {}: {}", library_name,
                 reason == nullptr ? "cannot be loaded" : reason);
  }
  const auto* door = static_cast<const PythonDoor*>(::dlsym(handle, "spiderling_python_door"));
  if (door == nullptr || std::string_view(door->built_for) != python_door_version) {
    return error("{}: built for '{}', this program is '{}'", folders.library.string(),
                 door == nullptr ? "something else" : door->built_for, python_door_version);
  }
  Error problem;
  PythonHost* host = door->open(folders, problem);
  if (host == nullptr) return tl::unexpected(problem);
  running = host;
  return host;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

Result<PythonHost*> python_host() {
  static std::mutex opening;
  static std::optional<Result<PythonHost*>> host;
  const std::lock_guard lock(opening);
  if (!host) host = open_door();
  return *host;
}

PythonHost* running_python_host() { return running; }

PythonFolders python_folders() {
  std::error_code ignored;
  return python_folders(fs::read_symlink("/proc/self/exe", ignored).parent_path());
}

PythonFolders python_folders(const fs::path& folder) {
  const PythonFolders beside{folder / library_name, folder / "python"};
  if (is_there(beside.library)) return beside;
  const fs::path lib = folder.parent_path() / "lib";
  for (const fs::path& libraries : {lib / "x86_64-linux-gnu", lib}) {
    const fs::path library = libraries / "spiderling" / library_name;
    if (is_there(library)) return {library, lib / "python3" / "dist-packages"};
  }
  return beside;
}

}  // namespace spiderling
