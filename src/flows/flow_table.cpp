#include "flows/flow_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace spiderling {

namespace {

constexpr std::size_t slab_bytes = 2u << 20;  // a huge page
constexpr std::size_t first_index_slots = 1u << 12;

}  // namespace

FlowTable::FlowTable(std::vector<std::uint8_t> blank_states, std::size_t max_flows)
    : blank_(std::move(blank_states)),
      block_size_((sizeof(Flow) + blank_.size() + 15) & ~std::size_t{15}),
      max_flows_(std::min<std::size_t>(max_flows, UINT32_MAX / 4)),
      index_(std::make_unique<Slot[]>(first_index_slots)),
      index_mask_(first_index_slots - 1) {
  while ((std::size_t{2} << slab_bits_) * block_size_ <= slab_bytes) ++slab_bits_;
  slab_mask_ = (1u << slab_bits_) - 1;
}

FlowTable::~FlowTable() {
  for (std::uint8_t* slab : slabs_) munmap(slab, std::max(slab_bytes, block_size_ << slab_bits_));
}

void FlowTable::prefetch_flow(std::uint64_t hash) const {
  const std::uint32_t tag = tag_of(hash);
  const Slot& slot = index_[home(tag)];
  if (slot.number == 0) return;
  prefetch(&flow(slot.number - 1));
}

Flow* FlowTable::find(const FlowKey& key, std::uint64_t hash) const {
  const std::uint32_t tag = tag_of(hash);
  for (std::size_t at = home(tag);; at = (at + 1) & index_mask_) {
    const Slot slot = index_[at];
    if (slot.number == 0) return nullptr;
    if (slot.tag != tag) continue;
    Flow& candidate = flow(slot.number - 1);
    if (candidate.key == key) return &candidate;
  }
}

Flow* FlowTable::insert(const FlowKey& key, std::uint64_t hash) {
  if (size_ == max_flows_) return nullptr;
  if (free_.empty()) add_slab();
  if ((size_ + 1) * 2 > index_mask_ + 1) grow_index();
  const std::uint32_t number = free_.back();
  free_.pop_back();
  Flow& made = flow(number);
  made.key = key;
  made.tag = tag_of(hash);
  made.number = number;
  blank(made);
  place(made.tag, number);
  ++size_;
  return &made;
}

void FlowTable::erase(Flow& gone) {
  std::size_t hole = home(gone.tag);
  while (index_[hole].number != gone.number + 1) hole = (hole + 1) & index_mask_;
  // Close the hole: move back every entry of the run that may stand nearer to its home.
  for (std::size_t at = (hole + 1) & index_mask_; index_[at].number != 0; at = (at + 1) & index_mask_) {
    const std::size_t distance_from_home = (at - home(index_[at].tag)) & index_mask_;
    if (distance_from_home >= ((at - hole) & index_mask_)) {
      index_[hole] = index_[at];
      hole = at;
    }
  }
  index_[hole] = {0, 0};
  free_.push_back(gone.number);
  --size_;
}

void FlowTable::place(std::uint32_t tag, std::uint32_t number) {
  std::size_t at = home(tag);
  while (index_[at].number != 0) at = (at + 1) & index_mask_;
  index_[at] = {tag, number + 1};
}

void FlowTable::grow_index() {
  const std::size_t old_slots = index_mask_ + 1;
  auto old = std::move(index_);
  index_ = std::make_unique<Slot[]>(old_slots * 2);
  index_mask_ = old_slots * 2 - 1;
  for (std::size_t i = 0; i < old_slots; ++i) {
    if (old[i].number != 0) place(old[i].tag, old[i].number - 1);
  }
}

void FlowTable::add_slab() {
  const std::size_t bytes = std::max(slab_bytes, block_size_ << slab_bits_);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; refused is fine
  const auto first = static_cast<std::uint32_t>(slabs_.size() << slab_bits_);
  slabs_.push_back(static_cast<std::uint8_t*>(memory));
  const std::uint32_t blocks = 1u << slab_bits_;
  free_.reserve(slabs_.size() << slab_bits_);
  for (std::uint32_t i = blocks; i-- > 0;) free_.push_back(first + i);
}

}  // namespace spiderling
