// The chains of one run, laid out: where each state lies in a flow's block, and which hooks there are to
// call.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "flows/chain_hooks.h"
#include "spiderling/chain.h"

namespace spiderling {

/// What a record has beside the fields of chains, if some of them failed over its flow: their names.
inline constexpr const char* failed_chains_field = "failed_chains";

/// Immutable once made; may be read from any thread.
class ChainSet : public ChainHooks {
 public:
  using Placed = PlacedChain;

  /// Error: the same chain twice, a field name that two chains share or that is the engine's, or that is no
  /// plain word.
  static Result<ChainSet> make(std::span<const ChainDescription* const> chains);

  const std::vector<Placed>& chains() const { return chains_; }
  /// The states of a new flow, one behind the other; its size is that of the block behind a Flow.
  const std::vector<std::uint8_t>& blank_states() const { return blank_; }

  /// Those of the chains that have a ForeignChain.
  const std::vector<Placed>& foreign() const { return foreign_; }
  /// Stands around the hooks of a batch. Nests.
  class Batch;
  /// The states of a flow were copied, and `copy` is kept beyond its end; see ForeignChain.
  void keep(const std::uint8_t* copy) const {
    for (const Placed& placed : foreign_) placed.chain->foreign->keep(copy + placed.state_offset);
  }
  /// The states of a flow, or a copy that is kept, are needed no more.
  void let_go(std::uint8_t* states) const {
    for (const Placed& placed : foreign_) placed.chain->foreign->let_go(states + placed.state_offset);
  }

 private:
  void place(const ChainDescription& chain);
  void make_foreign_states();

  std::vector<Placed> chains_;
  std::vector<Placed> foreign_;
  std::vector<std::shared_ptr<const void>> held_;  // what foreign chains have given for this set
  std::vector<std::uint8_t> blank_;
};

class ChainSet::Batch {
 public:
  explicit Batch(const ChainSet& chains) : foreign_(chains.foreign_) {
    for (const Placed& placed : foreign_) placed.chain->foreign->begin_batch();
  }
  ~Batch() {
    for (const Placed& placed : foreign_) placed.chain->foreign->end_batch();
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

 private:
  const std::vector<Placed>& foreign_;
};

/// A copy of the states of a flow, kept beyond its end. `chains` outlives it.
struct LetGoStates {
  LetGoStates() = default;
  explicit LetGoStates(const ChainSet& set) : chains(&set) {}
  LetGoStates(const std::default_delete<std::uint8_t[]>&) {}  // bytes that were never a flow's
  const ChainSet* chains = nullptr;
  void operator()(std::uint8_t* states) const {
    if (chains != nullptr) chains->let_go(states);
    delete[] states;
  }
};
using KeptStates = std::unique_ptr<std::uint8_t[], LetGoStates>;
KeptStates keep_states(const ChainSet& chains, const std::uint8_t* states);

}  // namespace spiderling
