#include "app/measure_host.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "host/capabilities.h"
#include "host/found_settings.h"
#include "host/left_behind.h"
#include "host/nft_tables.h"

namespace spiderling::app {

namespace {

bool needs_mark(const Configuration& configuration) {
  const SocketSetup& socket = configuration.socket;
  return socket.ecn != EcnRequest::as_host || socket.fast_open != FastOpen::unused || socket.syn_options;
}
bool needs_host(const Configuration& configuration) { return !configuration.host.empty(); }

bool needs_marks(const HostNeeds& needs) {
  return needs.forges_tcp || std::ranges::any_of(needs.configurations, needs_mark);
}
// Who may not change anything needs no way back.
bool needs_found(const HostNeeds& needs) {
  return needs.own_ways.has_value() && has_capability(Capability::net_admin);
}
bool needs_epochs(const HostNeeds& needs) {
  return needs.configure == Configure::host && std::ranges::any_of(needs.configurations, needs_host);
}

}  // namespace

bool MeasureHost::is_needed(const HostNeeds& needs) {
  return needs_marks(needs) || needs_epochs(needs) || !needs.whole_run.empty() || needs_found(needs);
}

Result<std::unique_ptr<MeasureHost>> MeasureHost::make(const HostNeeds& needs,
                                                       std::chrono::milliseconds epoch) {
  std::unique_ptr<MeasureHost> made(new MeasureHost);
  made->epoch_ = epoch;
  made->marks_.assign(needs.configurations.size(), 0);
  if (!is_needed(needs)) return made;
  auto done = made->open_journal();
  if (done && needs_found(needs)) done = made->keep_found(needs);
  if (done && needs_marks(needs)) done = made->mark_sockets(needs);
  if (done) done = made->make_detours(needs.configurations);
  // Settings of the run are those of each of its epochs, where it has such.
  if (done)
    done = needs_epochs(needs) ? made->prepare_epochs(needs) : made->set_for_whole_run(needs.whole_run);
  if (!done) return tl::unexpected(done.error());
  return made;
}

void MeasureHost::start() {
  if (syn_editor_) syn_editor_->start();
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

Result<void> MeasureHost::mark_sockets(const HostNeeds& needs) {
  std::vector<MarkedChange> changes;
  for (const Configuration& one : needs.configurations) {
    MarkedChange& change = changes.emplace_back();
    change.ecn = one.socket.ecn;
    change.forges_tcp = needs.forges_tcp;
    change.keeps_fast_open = one.socket.fast_open != FastOpen::unused;
    change.only_marked = one.socket.syn_options.has_value();
  }
  auto installed = PacketMarks::install(host_, *journal_, changes);
  if (!installed) return tl::unexpected(installed.error());
  packet_marks_ = std::move(*installed);
  for (std::size_t i = 0; i < marks_.size(); ++i) marks_[i] = packet_marks_->mark(i);
  return {};
}

Result<void> MeasureHost::make_detours(const std::vector<Configuration>& configurations) {
  std::vector<SynDetour> detours;
  for (std::size_t i = 0; i < configurations.size(); ++i) {
    const auto& kept = configurations[i].socket.syn_options;
    if (!kept) continue;
    if (!syn_editor_) {
      auto editor = SynEditor::make();
      if (!editor) return tl::unexpected(editor.error());
      syn_editor_ = std::move(*editor);
    }
    auto device = syn_editor_->add(*kept);
    if (!device)
      return error("the SYNs of single sockets cannot be changed: {} (--configure host needs no such device)",
                   device.error().message);
    detours.push_back({marks_[i], std::move(*device)});
  }
  if (detours.empty()) return {};
  auto installed = SynDetours::install(host_, *journal_, detours);
  if (!installed) return tl::unexpected(installed.error());
  syn_detours_ = std::move(*installed);
  return {};
}

Result<void> MeasureHost::claim_settings() {
  if (claim_) return {};
  auto claim = claim_host_settings(journal_->path().parent_path());
  if (!claim) return tl::unexpected(claim.error());
  claim_ = std::move(*claim);
  return {};
}

// In the journal before the first configuration: the guardian puts back whatever is different then.
Result<void> MeasureHost::keep_found(const HostNeeds& needs) {
  // Epochs claim the settings one by one.
  if (!needs_epochs(needs)) {
    if (auto claimed = claim_settings(); !claimed) return claimed;
  }
  const auto entry = journal_->add(found_settings({*needs.own_ways}));
  if (!entry) return tl::unexpected(entry.error());
  found_ = *entry;
  if (auto rules = host_.nft_ruleset()) found_rules_ = std::move(*rules);  // without nft there are none
  return {};
}

UndoReport MeasureHost::put_back_found() {
  if (!found_) return {};
  UndoReport report = journal_->undo(host_, *std::exchange(found_, std::nullopt));
  const auto rules = found_rules_ ? host_.nft_ruleset() : Result<std::string>();
  if (!found_rules_ || !rules) return report;
  for (const std::string& table : changed_nft_tables(*found_rules_, *rules))
    report.left.push_back(fmt::format("table {} of nft, which is not as it was found", table));
  return report;
}

Result<void> MeasureHost::set_for_whole_run(const std::vector<HostSetting>& settings) {
  if (settings.empty()) return {};
  if (auto claimed = claim_settings(); !claimed) return claimed;
  whole_run_.emplace(host_, *journal_);
  for (const HostSetting& setting : settings) {
    const auto value = value_of(setting);
    if (!value) return tl::unexpected(value.error());
    if (auto set = whole_run_->set_sysctl(setting.name, *value); !set) return set;
  }
  return {};
}

Result<std::string> MeasureHost::value_of(const HostSetting& setting) {
  if (!setting.adds_bits) return setting.value;
  const auto now = host_.sysctls().read(setting.name);
  if (!now) return now;
  const auto number = [](const std::string& text) { return std::strtoul(text.c_str(), nullptr, 0); };
  return fmt::format("{}", number(*now) | number(setting.value));
}

Result<void> MeasureHost::prepare_epochs(const HostNeeds& needs) {
  for (const Configuration& one : needs.configurations) {
    HostConfiguration& settings = settings_.emplace_back();
    settings.name = one.name;
    for (const auto* some : {&needs.whole_run, &one.host}) {
      for (const HostSetting& setting : *some) {
        const auto value = value_of(setting);
        if (!value) return tl::unexpected(value.error());
        settings.settings.push_back({setting.name, *value});
      }
    }
  }
  configurator_.emplace(host_, *journal_, &*guardian_);
  return {};
}

Result<void> MeasureHost::begin(std::size_t configuration) {
  return configurator_->begin(settings_[configuration], epoch_);
}
Result<void> MeasureHost::end() { return configurator_->end(); }

Result<void> MeasureHost::renew() { return packet_marks_ ? packet_marks_->renew_routes() : Result<void>(); }

std::uint64_t MeasureHost::lost_syns() const { return syn_editor_ ? syn_editor_->lost() : 0; }

Result<void> MeasureHost::verify() {
  Result<void> verified;
  if (packet_marks_) verified = packet_marks_->verify();
  if (verified && syn_detours_) verified = syn_detours_->verify();
  if (verified && whole_run_) verified = whole_run_->verify();
  return verified;
}

}  // namespace spiderling::app
