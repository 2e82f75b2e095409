// Calls the hooks of chains, so that one that fails or is slow is known by name and takes no other along.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/handler_meter.h"
#include "flows/chain_hooks.h"
#include "flows/chain_set.h"

namespace spiderling {

/// What a chain's hooks did, all together.
struct ChainFigures {
  HandlerFigures figures;
  bool set_aside = false;
};

/// What the hooks of a packet said.
struct Said {
  bool complete = false;
  bool ignore = false;
};

/// The hooks of one observer's chains. A hook that throws has said nothing: its chain's state stays as it is,
/// the flow is marked, and every other chain sees the packet. A chain one of whose hooks fails too often in a
/// row is set aside: none of them is called any more.
///
/// Where nothing fails it costs a packet no branch that could not be foretold: a hook is a store more than
/// its call, and the clock is read over one packet in 509. One thread.
class ChainGuard {
 public:
  /// `chains` and the watchdog, which may be nullptr, outlive the guard.
  ChainGuard(const ChainSet& chains, FailureLimit limit, Watchdog* watchdog);

  /// Those that are still called.
  ChainHooks hooks;

  /// Before the hooks of each packet.
  void next_packet() {
    timing_ = sampling_.due(++packets_);
    if (timing_) [[unlikely]]
      weight_ = sampling_.take(packets_);
  }
  /// Calls those of one list, each with its state; a chain that fails is noted in `failed`.
  template <class List, class... Arguments>
  Said run(List& list, std::uint8_t* states, FailedChains& failed, const Arguments&... arguments) {
    ++list.runs;
    if (timing_) [[unlikely]]
      return run_timed(list, states, failed, arguments...);
    const HandlerWatch::Round round(watch_);
    return call_all(list, failed, [&](const auto& hook) {
      round.enter(hook.chain);
      return hook.call(states + hook.state_offset, arguments...);
    });
  }
  /// The hooks of this packet have run.
  void leave() { watch_.leave(); }

  /// Chains that were set aside: whatever flow ends now, they have not seen all of it.
  FailedChains set_aside() const { return set_aside_; }
  std::uint64_t failures() const { return failures_; }
  std::uint64_t set_aside_count() const { return set_aside_count_; }
  /// By the numbers of the chains.
  std::vector<ChainFigures> figures();

 private:
  struct InARow {
    std::uint64_t failures = 0;
    std::uint64_t last = 0;  // the number of the call that failed last
  };
  struct Account {
    const char* name;
    std::uint64_t failures = 0;
    std::array<InARow, ChainHooks::lists> in_a_row{};  // of each hook
    std::uint64_t calls_set_aside = 0;                 // of one that was set aside: how many it had
    std::chrono::nanoseconds busy{};
    std::chrono::nanoseconds longest{};
    bool set_aside = false;
  };

  template <class List, class Call>
  Said call_all(List& list, FailedChains& failed, Call&& call) {
    Said said;
    const auto* hook = list.data();
    const auto* end = hook + list.size();
    while (true) {
      try {
        for (; hook != end; ++hook) {
          const Verdict verdict = call(*hook);
          said.complete |= verdict == Verdict::complete;
          said.ignore |= verdict == Verdict::ignore;
        }
        return said;
      } catch (...) {
        failed.add(hook->chain);
        // Taken out of the list, it has made way for the one behind it.
        if (!has_failed(hook->chain, &list, list.runs)) ++hook;
        end = list.data() + list.size();
      }
    }
  }
  template <class List, class... Arguments>
  [[gnu::noinline, gnu::cold]] Said run_timed(List& list, std::uint8_t* states, FailedChains& failed,
                                              const Arguments&... arguments) {
    return call_all(list, failed, [&](const auto& hook) {
      watch_.enter(hook.chain);
      const Timed timed(*this, accounts_[hook.chain]);
      return hook.call(states + hook.state_offset, arguments...);
    });
  }
  // Call number `call` of the hook of this list. True: the chain was set aside.
  bool has_failed(std::uint32_t chain, const void* list, std::uint64_t call);
  std::size_t number_of(const void* list);
  std::uint64_t calls_of(std::uint32_t chain);

  class Timed {
   public:
    Timed(ChainGuard& guard, Account& account) : guard_(guard), account_(account) {}
    ~Timed() {
      const auto took = std::max<std::chrono::nanoseconds>(
          Sampling::Clock::now() - began_ - Sampling::clock_cost(), std::chrono::nanoseconds{0});
      account_.busy += took * static_cast<std::int64_t>(guard_.weight_);
      account_.longest = std::max(account_.longest, took);
    }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

   private:
    ChainGuard& guard_;
    Account& account_;
    const Sampling::Clock::time_point began_ = Sampling::Clock::now();
  };

  const FailureLimit limit_;
  HandlerWatch watch_;
  std::vector<Account> accounts_;
  Sampling sampling_;
  std::uint64_t packets_ = 0;
  std::uint64_t weight_ = 0;
  bool timing_ = false;
  FailedChains set_aside_;
  std::uint64_t failures_ = 0;
  std::uint64_t set_aside_count_ = 0;
};

}  // namespace spiderling
