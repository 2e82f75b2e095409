// What a measurement needs done to this host, and undone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "app/measure_options.h"
#include "base/error.h"
#include "host/configurator.h"
#include "host/guardian.h"
#include "host/journal.h"
#include "host/packet_marks.h"
#include "host/system_host.h"
#include "spiders/epochs.h"

namespace spiderling::app {

/// Sets up the host for the configurations of one run and puts it back when it goes: in the worst case a
/// guardian process does. One thread.
class MeasureHost final : public HostEpochs {
 public:
  /// Marks for sockets are installed at once; settings of the whole host only by begin(). Where the
  /// configurations need neither, nothing is touched and no privilege is needed. Call before any thread is
  /// started.
  static Result<std::unique_ptr<MeasureHost>> make(Configure configure,
                                                   const std::vector<Configuration>& configurations,
                                                   std::chrono::milliseconds epoch);

  /// Whether make() would change anything, for which it needs CAP_NET_ADMIN.
  static bool is_needed(Configure configure, const std::vector<Configuration>& configurations);

  /// By configuration; 0: none.
  const std::vector<std::uint32_t>& marks() const { return marks_; }
  /// nullptr if no configuration needs the whole host.
  HostEpochs* epochs() { return settings_.empty() ? nullptr : this; }
  /// What earlier runs had left behind and is put back now; for the user.
  const std::vector<std::string>& put_back() const { return put_back_; }

  Result<void> begin(std::size_t configuration) override;
  Result<void> end() override;
  /// The marks are still what they were: nobody took our rules or routes away meanwhile.
  Result<void> verify() const;

 private:
  MeasureHost() = default;
  Result<void> open_journal();
  Result<void> mark_sockets(const std::vector<Configuration>& configurations);
  Result<void> prepare_epochs(const std::vector<Configuration>& configurations);

  SystemHost host_;
  std::chrono::milliseconds epoch_{};
  std::vector<std::uint32_t> marks_;
  std::vector<HostConfiguration> settings_;
  std::vector<std::string> put_back_;
  std::unique_ptr<Journal> journal_;
  std::optional<Guardian> guardian_;
  std::unique_ptr<PacketMarks> packet_marks_;
  std::optional<Configurator> configurator_;
};

}  // namespace spiderling::app
