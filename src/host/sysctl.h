// The kernel's settings by name, as sysctl(8) has them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spiderling {

/// Reads and writes settings such as `net.ipv4.tcp_ecn`. Values are text as the kernel shows it, without the
/// last newline; several numbers are one blank apart, whatever the kernel puts between them. Not thread-safe.
class Sysctls {
 public:
  virtual ~Sysctls() = default;
  virtual Result<std::string> read(const std::string& name) = 0;
  /// Done when it returns, but not read back: some settings take another value than the one written.
  virtual Result<void> write(const std::string& name, const std::string& value) = 0;
};

/// The settings of the calling thread's namespaces, under /proc/sys.
class ProcSysctls final : public Sysctls {
 public:
  explicit ProcSysctls(std::filesystem::path root = "/proc/sys") : root_(std::move(root)) {}
  Result<std::string> read(const std::string& name) override;
  Result<void> write(const std::string& name, const std::string& value) override;

 private:
  Result<std::filesystem::path> path_of(const std::string& name) const;

  std::filesystem::path root_;
};

/// Letters, digits, `-`, `_`, `/` and `.`, at most 128, and never a way out of /proc/sys. As with sysctl(8),
/// a `/` stands for a `.` in the name of an interface: `net.ipv4.conf.eth0/100.rp_filter`.
bool is_sysctl_name(std::string_view name);

/// Every run of blanks, tabs and newlines becomes one blank, none at the ends.
std::string with_single_blanks(std::string_view value);

}  // namespace spiderling
