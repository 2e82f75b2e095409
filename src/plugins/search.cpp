#include "plugins/search.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

namespace spiderling {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_files = 1000;  // of a folder

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Who called sudo.
std::optional<uid_t> caller() {
  const std::string told = variable("SUDO_UID");
  uid_t user = 0;
  const auto read = std::from_chars(told.data(), told.data() + told.size(), user);
  if (::geteuid() != 0 || told.empty() || read.ec != std::errc{} || read.ptr != told.data() + told.size())
    return std::nullopt;
  return user;
}

std::string home_of(uid_t user) {
  const passwd* known = ::getpwuid(user);
  return known == nullptr || known->pw_dir == nullptr ? "" : known->pw_dir;
}

// HOME, or what the system says of the user.
std::string home() {
  const std::string told = variable("HOME");
  return told.empty() ? home_of(::geteuid()) : told;
}

bool may_own(uid_t owner) { return owner == 0 || owner == ::geteuid() || owner == caller(); }

// Many systems give every user one, of the same name; elsewhere the first group of a user is that of others
// too.
bool is_group_of_ones_own(gid_t id, uid_t user) {
  const passwd* known = ::getpwuid(user);
  const group* its = ::getgrgid(id);
  if (known == nullptr || its == nullptr || known->pw_gid != id) return false;
  const std::string_view name = known->pw_name;
  for (char** member = its->gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return name == its->gr_name;
}

std::string distrust(const std::string& path) { return why_not_trusted(path, "name it with --plugin"); }

}  // namespace

std::string why_not_trusted(const std::string& path, std::string_view otherwise) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return fmt::format("{}: {}", path, std::strerror(errno));
  if (!may_own(about.st_uid)) {
    return fmt::format("{}: it belongs to user {}; {}, or make it your own", path, about.st_uid, otherwise);
  }
  if ((about.st_mode & S_IWOTH) != 0)
    return fmt::format("{}: anybody may write to it: chmod o-w {}", path, path);
  if ((about.st_mode & S_IWGRP) != 0 && !is_group_of_ones_own(about.st_gid, about.st_uid))
    return fmt::format("{}: its group may write to it: chmod g-w {}", path, path);
  return {};
}

std::vector<std::string> usual_plugin_folders() {
  std::vector<std::string> folders;
  const auto add = [&](std::string folder) {
    if (!folder.empty() && std::ranges::find(folders, folder) == folders.end())
      folders.push_back(std::move(folder));
  };
  const std::string path = variable("SPIDERLING_PLUGIN_PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    add(path.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto add_users = [&](const std::string& home_folder) {
    if (!home_folder.empty()) add(home_folder + "/.local/lib/spiderling/plugins");
  };
  add_users(home());
  if (const auto user = caller()) add_users(home_of(*user));  // whom sudo has given another HOME
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  if (!program.empty())
    add((program.parent_path().parent_path() / "lib/spiderling/plugins").lexically_normal().string());
  add("/usr/local/lib/spiderling/plugins");
  add("/usr/lib/spiderling/plugins");
  return folders;
}

std::vector<std::string> shared_objects_in(const std::string& folder, std::vector<Refusal>& refused) {
  std::error_code problem;
  fs::directory_iterator entries(folder, problem);
  if (problem == std::errc::no_such_file_or_directory || problem == std::errc::not_a_directory) return {};
  const auto refuse = [&](const std::string& path, std::string why) {
    refused.push_back({path, std::move(why)});
  };
  if (problem) {
    refuse(folder, fmt::format("{}: {}", folder, problem.message()));
    return {};
  }
  std::vector<std::string> files;
  for (const fs::directory_iterator end; entries != end; entries.increment(problem)) {
    if (entries->path().extension() == ".so") files.push_back(entries->path().string());
    if (files.size() > most_files) {
      refuse(folder, fmt::format("{}: more than {} plugins in one folder", folder, most_files));
      return {};
    }
  }
  if (problem) refuse(folder, fmt::format("{}: {}", folder, problem.message()));
  if (files.empty()) return {};
  if (std::string why = distrust(folder); !why.empty()) {
    refuse(folder, std::move(why));
    return {};
  }
  std::ranges::sort(files);
  std::erase_if(files, [&](const std::string& file) {
    std::string why = distrust(file);
    if (why.empty()) return false;
    refuse(file, std::move(why));
    return true;
  });
  return files;
}

Result<void> check_named_folders(const std::vector<std::string>& folders, std::vector<Refusal>& refused) {
  for (const std::string& folder : folders) {
    std::error_code problem;
    fs::directory_iterator entries(folder, problem);
    if (problem) return error("{}: cannot be read as a folder of plugins: {}", folder, problem.message());
    const auto is_plugin = [](const auto& entry) { return entry.path().extension() == ".so"; };
    if (std::none_of(begin(entries), end(entries), is_plugin))
      refused.push_back({folder, fmt::format("{}: there is no shared object (.so) in this folder", folder)});
  }
  return {};
}

std::string find_module(const std::string& name, const std::vector<std::string>& folders) {
  if (name.empty() || name.find('/') != std::string::npos) return {};
  std::error_code ignored;
  for (const std::string& folder : folders) {
    for (const std::string& file : {folder + "/" + name + ".so", folder + "/lib" + name + ".so"}) {
      if (fs::is_regular_file(file, ignored) && distrust(file).empty()) return file;
    }
  }
  return {};
}

}  // namespace spiderling
