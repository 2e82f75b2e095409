#include "app/measure_host.h"

#include <algorithm>

#include "host/capabilities.h"
#include "host/left_behind.h"

namespace spiderling::app {

namespace {

bool needs_mark(const Configuration& configuration) {
  return configuration.socket.ecn != EcnRequest::as_host;
}
bool needs_host(const Configuration& configuration) { return !configuration.host.empty(); }

}  // namespace

bool MeasureHost::is_needed(Configure configure, const std::vector<Configuration>& configurations) {
  return std::ranges::any_of(configurations, configure == Configure::socket ? needs_mark : needs_host);
}

Result<std::unique_ptr<MeasureHost>> MeasureHost::make(Configure configure,
                                                       const std::vector<Configuration>& configurations,
                                                       std::chrono::milliseconds epoch) {
  std::unique_ptr<MeasureHost> made(new MeasureHost);
  made->epoch_ = epoch;
  made->marks_.assign(configurations.size(), 0);
  if (!is_needed(configure, configurations)) return made;
  if (auto open = made->open_journal(); !open) return tl::unexpected(open.error());
  const bool by_socket = configure == Configure::socket;
  auto ready = by_socket ? made->mark_sockets(configurations) : made->prepare_epochs(configurations);
  if (!ready) return tl::unexpected(ready.error());
  return made;
}

Result<void> MeasureHost::open_journal() {
  if (auto able = need_capabilities("cannot set up connections", {Capability::net_admin}); !able) return able;
  auto left = restore_left_behind(host_);
  if (!left) return tl::unexpected(left.error());
  put_back_ = std::move(left->lines);
  auto journal = Journal::open();
  if (!journal) return tl::unexpected(journal.error());
  journal_ = std::move(*journal);
  auto guardian = Guardian::start(*journal_, [] { return std::make_unique<SystemHost>(); });
  if (!guardian) return tl::unexpected(guardian.error());
  guardian_.emplace(std::move(*guardian));
  return {};
}

Result<void> MeasureHost::mark_sockets(const std::vector<Configuration>& configurations) {
  std::vector<MarkedChange> changes;
  for (const Configuration& one : configurations) changes.push_back({one.socket.ecn});
  auto installed = PacketMarks::install(host_, *journal_, changes);
  if (!installed) return tl::unexpected(installed.error());
  packet_marks_ = std::move(*installed);
  for (std::size_t i = 0; i < marks_.size(); ++i) marks_[i] = packet_marks_->mark(i);
  return {};
}

Result<void> MeasureHost::prepare_epochs(const std::vector<Configuration>& configurations) {
  for (const Configuration& one : configurations) {
    HostConfiguration& settings = settings_.emplace_back();
    settings.name = one.name;
    for (const HostSetting& setting : one.host) settings.settings.push_back({setting.name, setting.value});
  }
  configurator_.emplace(host_, *journal_, &*guardian_);
  return {};
}

Result<void> MeasureHost::begin(std::size_t configuration) {
  return configurator_->begin(settings_[configuration], epoch_);
}
Result<void> MeasureHost::end() { return configurator_->end(); }

Result<void> MeasureHost::verify() const {
  if (!packet_marks_) return {};
  return packet_marks_->verify();
}

}  // namespace spiderling::app
