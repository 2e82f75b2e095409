// A run that waits while the network is away, and asks those again whom it asked meanwhile.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "campaign/echo_probe.h"
#include "campaign/outages.h"
#include "host/uplink.h"
#include "spiders/merger.h"

namespace spiderling {

struct PauseOptions {
  std::string interface;
  std::string probe;  ///< an address, or "gateway"; empty: none is asked
  /// The network is back, and routes may be others than before. Error: then better nobody is asked.
  std::function<Result<void>()> back = [] { return Result<void>(); };
};

/// One thread.
///
///     pause->look();                                   // ten times a second
///     if (pause->is_away()) return State::later;       // before a job is taken
///     if (pause->take(job)) return State::job;         // one that is to be asked again
///     if (pause->keeps(merged)) return;                // when a job has come to nothing
///     for (MergedJob& one : pause->take_counting()) write(one);
class Pause {
 public:
  /// Needs CAP_NET_RAW for a probe.
  static Result<std::unique_ptr<Pause>> make(PauseOptions options);

  /// Looks whether the network is there.
  void look();
  bool is_away() const { return outages_.is_away(); }
  /// What is away, for a person.
  const std::string& why() const { return outages_.why(); }
  /// Why the run cannot go on though the network is back; empty: it can.
  const std::string& failure() const { return failure_; }

  /// True: nobody answered as it should be, which may be since the network was away. It is kept here, until
  /// it is known whether it was. False: it counts.
  bool keeps(MergedJob& job);
  /// A job that is to be asked again. False: there is none, or the network is away.
  bool take(Job& job);
  /// Jobs that were kept, and count.
  std::vector<MergedJob> take_counting();
  /// All that is kept, at the end of a run.
  std::vector<MergedJob> give_up();

  /// Jobs that are kept.
  std::size_t size() const { return unsure_.size() + again_.size(); }
  /// Times that a job was given out again.
  std::uint64_t asked_again() const { return asked_again_; }

 private:
  Pause(PauseOptions options, Uplink uplink, std::optional<EchoProbe> probe);
  void look_at(Timestamp now);

  const PauseOptions options_;
  Uplink uplink_;
  std::optional<EchoProbe> probe_;
  Outages outages_;
  Timestamp last_look_{};
  std::string failure_;
  std::vector<MergedJob> unsure_;
  std::deque<MergedJob> again_;
  std::uint64_t asked_again_ = 0;
};

}  // namespace spiderling
