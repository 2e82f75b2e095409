#include "host/found_settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "host/sysctl.h"

namespace spiderling {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_settings = 2000;
constexpr std::size_t longest_kept = 1024;  // characters of a value
constexpr std::array<std::string_view, 2> secrets{"tcp_fastopen_key", "stable_secret"};

struct Setting {
  int order = 0;  // the higher, the sooner it is put back
  std::string name;
};

bool is_setting(const fs::path& file) {
  struct stat status {};
  constexpr mode_t read_and_write = S_IRUSR | S_IWUSR;
  return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_mode & read_and_write) == read_and_write &&
         std::ranges::find(secrets, file.filename().string()) == secrets.end();
}

// A dot in the name of an interface is written as a slash.
std::string name_of(const fs::path& relative) {
  std::string name;
  for (const fs::path& part : relative) {
    std::string text = part.string();
    std::ranges::replace(text, '.', '/');
    name += (name.empty() ? "" : ".") + text;
  }
  return name;
}

class Finder {
 public:
  Finder(const std::vector<std::string>& interfaces, const fs::path& root)
      : interfaces_(interfaces), root_(root) {}

  std::vector<Setting> find() {
    look_into(root_ / "net", 3);
    std::ranges::stable_sort(found_, {}, &Setting::order);
    return std::move(found_);
  }

 private:
  void look_into(const fs::path& folder, int order) {
    const bool of_interfaces = folder.filename() == "conf" || folder.filename() == "neigh";
    std::error_code fault;
    for (const auto& entry : fs::directory_iterator(folder, fault)) {
      if (found_.size() >= most_settings) return;
      const std::string name = entry.path().filename().string();
      std::error_code none;
      if (entry.is_directory(none)) {
        if (!of_interfaces) {
          look_into(entry.path(), order);
        } else if (const int its_order = order_of(name); its_order >= 0) {
          look_into(entry.path(), its_order);
        }
      } else if (is_setting(entry.path())) {
        found_.push_back({order, name_of(entry.path().lexically_relative(root_))});
      }
    }
  }
  int order_of(const std::string& interface) const {
    if (interface == "all") return 2;
    if (interface == "default") return 1;
    return std::ranges::find(interfaces_, interface) == interfaces_.end() ? -1 : 0;
  }

  const std::vector<std::string>& interfaces_;
  const fs::path& root_;
  std::vector<Setting> found_;
};

}  // namespace

std::vector<Undo> found_settings(const std::vector<std::string>& interfaces, const fs::path& root) {
  ProcSysctls sysctls(root);
  std::vector<Undo> found;
  for (Setting& setting : Finder(interfaces, root).find()) {
    const auto value = sysctls.read(setting.name);
    if (value && value->size() <= longest_kept) found.push_back(UndoFound{std::move(setting.name), *value});
  }
  return found;
}

}  // namespace spiderling
