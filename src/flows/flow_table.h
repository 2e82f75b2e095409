// Finds flows by key. Blocks from a pool, an index of eight bytes a slot.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "flows/flow.h"

namespace spiderling {

/// A hash table of flows made for batches: ask for the index line, then for the block, then find, so that the
/// memory of many packets is on its way at the same time. Grows by doubling its index and adding blocks;
/// never shrinks. One thread.
///
///     index   | tag, number | tag, number | empty | ...     open addressing, linear probing, at most half
///     full
///                     └────► pool: slabs of blocks of one size
class FlowTable {
 public:
  /// `states_size`: bytes behind each Flow. `blank`: what they start as.
  FlowTable(std::vector<std::uint8_t> blank_states, std::size_t max_flows);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  void prefetch_index(std::uint64_t hash) const { __builtin_prefetch(&index_[home(tag_of(hash))]); }
  /// Brings the block that find() will most likely want; the index line should be there by now.
  void prefetch_flow(std::uint64_t hash) const;

  /// A flow that will be looked at, and, when its block is there, its index line.
  void prefetch_block(std::uint32_t number) const { prefetch(&flow(number)); }
  void prefetch_index_of(std::uint32_t number) const {
    __builtin_prefetch(&index_[home(flow(number).tag)], 1);
  }

  /// nullptr if there is no such flow.
  Flow* find(const FlowKey& key, std::uint64_t hash) const;
  /// A flow with blank states; key, tag and number set, the rest is the caller's. The key must not be there.
  /// nullptr if the table holds max_flows.
  Flow* insert(const FlowKey& key, std::uint64_t hash);
  void erase(Flow& flow);
  /// Makes the states what they are in a new flow.
  void blank(Flow& flow) const {
    if (!blank_.empty()) std::memcpy(flow.states(), blank_.data(), blank_.size());
  }

  Flow& flow(std::uint32_t number) const {
    return *reinterpret_cast<Flow*>(slabs_[number >> slab_bits_] + (number & slab_mask_) * block_size_);
  }
  std::size_t size() const { return size_; }
  std::size_t max_flows() const { return max_flows_; }

 private:
  struct Slot {
    std::uint32_t tag;
    std::uint32_t number;  // plus one; zero: empty
  };

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t home(std::uint32_t tag) const { return tag & index_mask_; }
  void prefetch(const Flow* block) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(block);
    for (std::size_t at = 0; at < block_size_ && at < 256; at += 64) __builtin_prefetch(bytes + at, 1);
  }
  void grow_index();
  void add_slab();
  void place(std::uint32_t tag, std::uint32_t number);

  std::vector<std::uint8_t> blank_;
  std::size_t block_size_;
  std::size_t max_flows_;
  std::uint32_t slab_bits_ = 0;
  std::uint32_t slab_mask_ = 0;
  std::vector<std::uint8_t*> slabs_;
  std::vector<std::uint32_t> free_;
  std::unique_ptr<Slot[]> index_;
  std::size_t index_mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace spiderling
