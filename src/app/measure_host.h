// What a measurement needs done to this host, and undone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/measure_options.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "connect/syn_editor.h"
#include "host/configurator.h"
#include "host/guardian.h"
#include "host/journal.h"
#include "host/packet_marks.h"
#include "host/syn_detours.h"
#include "host/system_host.h"
#include "spiders/epochs.h"

namespace spiderling::app {

/// What a run asks of the host.
struct HostNeeds {
  Configure configure = Configure::socket;
  const std::vector<Configuration>& configurations;
  std::vector<HostSetting> whole_run{};  ///< of Measurement::host_settings()
  /// Packets are forged segments of TCP, whose answers the kernel is not to reset.
  bool forges_tcp = false;
  /// The measurement changes this host by itself, in ways that we are not told of; this is the interface that
  /// it measures through.
  std::optional<std::string> own_ways{};
};

/// Sets up the host for the configurations of one run and puts it back when it goes: in the worst case a
/// guardian process does. One thread.
class MeasureHost final : public HostEpochs {
 public:
  /// Marks for sockets, and settings for the whole run, are installed at once; settings of a configuration
  /// only by begin(). Where nothing is needed, nothing is touched and no privilege is needed. Call before any
  /// thread is started.
  static Result<std::unique_ptr<MeasureHost>> make(const HostNeeds& needs, std::chrono::milliseconds epoch);

  /// Whether make() would change anything, for which it needs CAP_NET_ADMIN.
  static bool is_needed(const HostNeeds& needs);

  /// To be called when privileges were dropped: a thread of its own may begin.
  void start();

  /// By configuration; 0: none.
  const std::vector<std::uint32_t>& marks() const { return marks_; }
  /// nullptr if no configuration needs the whole host.
  HostEpochs* epochs() { return settings_.empty() ? nullptr : this; }
  /// What earlier runs had left behind and is put back now; for the user.
  const std::vector<std::string>& put_back() const { return put_back_; }

  Result<void> begin(std::size_t configuration) override;
  Result<void> end() override;
  /// The marks and the settings for the whole run are still what they were: nobody changed them meanwhile.
  Result<void> verify();
  /// Where the measurement changes this host by itself: puts back what is not as it was found, once. Rules of
  /// the firewall are only named.
  UndoReport put_back_found();
  /// SYNs of ours that this host could not send: as good as lost on the way.
  std::uint64_t lost_syns() const;
  /// The network was away: what hangs on the host's routes is made anew.
  Result<void> renew();

 private:
  MeasureHost() = default;
  Result<void> open_journal();
  Result<void> mark_sockets(const HostNeeds& needs);
  Result<void> make_detours(const std::vector<Configuration>& configurations);
  Result<void> prepare_epochs(const HostNeeds& needs);
  Result<void> set_for_whole_run(const std::vector<HostSetting>& settings);
  Result<void> claim_settings();
  Result<void> keep_found(const HostNeeds& needs);
  Result<std::string> value_of(const HostSetting& setting);

  SystemHost host_;
  std::chrono::milliseconds epoch_{};
  std::vector<std::uint32_t> marks_;
  std::vector<HostConfiguration> settings_;
  std::vector<std::string> put_back_;
  std::unique_ptr<Journal> journal_;
  std::optional<Guardian> guardian_;
  FileDescriptor claim_;  // of the settings for the whole run
  std::optional<Journal::Entry> found_;
  std::optional<std::string> found_rules_;  // of the firewall; nothing where they cannot be read
  std::optional<HostChanges> whole_run_;
  std::unique_ptr<SynEditor> syn_editor_;
  std::unique_ptr<PacketMarks> packet_marks_;
  std::unique_ptr<SynDetours> syn_detours_;  // goes before those who read from them
  std::optional<Configurator> configurator_;
};

}  // namespace spiderling::app
