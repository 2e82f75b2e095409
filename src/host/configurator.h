// Settings of the whole host for the time of one run over the targets: for measurements that ask for them,
// where neither a socket's own options nor marks will do.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/guardian.h"
#include "host/host.h"
#include "host/journal.h"

namespace spiderling {

/// Changes of a host that are undone together, the last one first. Each is in the journal before it is made
/// and is read back after. Not thread-safe.
class HostChanges {
 public:
  HostChanges(Host& host, Journal& journal) : host_(host), journal_(journal) {}
  HostChanges(const HostChanges&) = delete;
  HostChanges& operator=(const HostChanges&) = delete;
  ~HostChanges() { restore(); }

  /// Nothing is done about a setting that has this value already. Errors: no such setting, no permission, the
  /// setting did not take the value; it is then as it was.
  Result<void> set_sysctl(const std::string& name, const std::string& value);
  /// Makes `table inet spiderling_...` with this body, in nft's language.
  Result<void> add_nft_table(const std::string& body);

  /// Every setting still has the value that it was given.
  Result<void> verify();
  UndoReport restore();

  Host& host() { return host_; }

 private:
  struct Made {
    Journal::Entry entry;
    std::string sysctl;  // empty for an nft table
    std::string value;
  };
  Host& host_;
  Journal& journal_;
  std::vector<Made> made_;
};

/// One way in which a host is configured: `config_zero`, `config_one` and so on of a measurement.
struct HostConfiguration {
  struct Setting {
    std::string sysctl;
    std::string value;
  };
  std::string name;  ///< for messages
  std::vector<Setting> settings;
  /// The measurement's own steps, after the settings. What they do through HostChanges is undone by itself,
  /// also after kill -9; what they do otherwise is theirs to undo, in `restore`.
  std::function<Result<void>(HostChanges&)> apply;
  /// Called before the settings are put back, if `apply` was called, even if it failed.
  std::function<Result<void>(Host&)> restore;
};

/// Configures the host, lets one epoch of measuring run, puts the host back. Not thread-safe.
///
///     Configurator configurator(host, journal, &guardian);
///     auto done = configurator.run(configuration, 30s, [&](auto deadline) { return measure_until(deadline);
///     });
class Configurator {
 public:
  using Clock = std::chrono::steady_clock;
  using Epoch = std::function<Result<void>(Clock::time_point deadline)>;

  /// With a guardian the deadline holds even if this process hangs.
  Configurator(Host& host, Journal& journal, Guardian* guardian = nullptr)
      : host_(host), journal_(journal), guardian_(guardian) {}
  Configurator(const Configurator&) = delete;
  Configurator& operator=(const Configurator&) = delete;
  ~Configurator();

  /// Takes a snapshot, applies and reads back. Only one spiderling at a time in a network namespace. An
  /// error, from whatever step: the host is as before, or the message says what is not.
  Result<void> begin(const HostConfiguration& configuration, std::chrono::milliseconds time);
  /// Puts the host back and checks that it is. Errors: something could not be put back, a setting was changed
  /// by someone else meanwhile (then the epoch measured something else), the time had passed.
  Result<void> end();

  /// begin(), the epoch, end(). The epoch gets the deadline and must return by then; its error comes first.
  Result<void> run(const HostConfiguration& configuration, std::chrono::milliseconds time,
                   const Epoch& epoch);

  Clock::time_point deadline() const { return deadline_; }

 private:
  Result<void> apply(const HostConfiguration& configuration);
  Result<void> restore();

  Host& host_;
  Journal& journal_;
  Guardian* guardian_;
  FileDescriptor claim_;
  std::optional<HostChanges> changes_;
  std::function<Result<void>(Host&)> own_restore_;
  std::string name_;
  Clock::time_point deadline_;
};

/// Holds the right to change settings of this network namespace among all who keep their journals in this
/// folder, until closed; the kernel gives it back when the process dies. An error: another one has it.
Result<FileDescriptor> claim_host_settings(const std::filesystem::path& journals);

}  // namespace spiderling
