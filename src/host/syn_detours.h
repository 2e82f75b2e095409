// SYNs of marked sockets, led into devices of ours, where a program reads them and sends them on changed:
// for what no rule can do to a packet, such as taking an option out of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/host.h"
#include "host/journal.h"

namespace spiderling {

/// SYNs (no ACK) that have `mark` go into `device`, those sent again too. All other packets of the socket go
/// their usual way.
struct SynDetour {
  std::uint32_t mark = 0;  ///< of PacketMarks
  std::string device;      ///< of open_tun_device(), up
};

/// Detours, as long as this lives. An nft rule gives such a SYN another mark, and with it another route: into
/// the device. What is read from there and sent on unmarked leaves as any packet. Not thread-safe.
///
/// As with PacketMarks, addresses of the host itself are reached by its table `local`, which comes before all
/// rules, and what another rule of the host sends elsewhere goes there.
class SynDetours {
 public:
  /// Installs all of it and reads it back, or leaves the host as it was.
  static Result<std::unique_ptr<SynDetours>> install(Host& host, Journal& journal,
                                                     std::span<const SynDetour> detours);
  SynDetours(const SynDetours&) = delete;
  SynDetours& operator=(const SynDetours&) = delete;
  /// Removes everything. What could not be removed stays in the journal.
  ~SynDetours();

  /// Everything is still there.
  Result<void> verify() const;
  UndoReport remove();

 private:
  SynDetours(Host& host, Journal& journal) : host_(host), journal_(journal) {}
  Result<void> make_plan(std::span<const SynDetour> detours);
  Result<void> apply();

  struct Way {
    Family family;
    std::string device;
    std::uint32_t table;
  };

  Host& host_;
  Journal& journal_;
  Journal::Entry entry_ = 0;
  std::string nft_name_;
  std::string nft_body_;
  std::vector<PolicyRule> rules_;
  std::vector<Way> ways_;
};

}  // namespace spiderling
