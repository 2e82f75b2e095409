#include "jobs/seen_jobs.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <utility>

#include "jobs/target_list.h"

namespace spiderling {
namespace {

constexpr std::size_t least_slots = 16;

std::uint64_t little_endian(const char* bytes, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << 8 * i;
  return word;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round(), round();
    v0 ^= word;
  }
};

// A number below `count` that grows with the hash's lower 56 bits; the upper 8 choose the part.
std::size_t slot_for(std::uint64_t hash, std::size_t count) {
  const std::uint64_t fraction = hash << 8 >> 32;  // 32 bits
  return static_cast<std::size_t>(fraction * count >> 32);
}

}  // namespace

std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& key, std::string_view bytes) {
  SipState state{key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                 key[1] ^ 0x7465646279746573u};
  const std::uint64_t length = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) state.take(little_endian(bytes.data(), 8));
  state.take(length << 56 | little_endian(bytes.data(), bytes.size()));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

SeenJobs::SeenJobs(std::size_t room) : half_room_(std::max<std::size_t>(1, room / 2)) {
  std::random_device random;
  for (std::uint64_t& word : key_) word = static_cast<std::uint64_t>(random()) << 32 | random();
}

bool SeenJobs::seen_before(const Job& job) {
  const std::uint64_t hash = hash_of(job);
  if (newer_.contains(hash) || older_.contains(hash)) return true;
  if (newer_.size() >= half_room_) {
    forgotten_ += older_.size();
    std::swap(newer_, older_);
    newer_.clear();
  }
  newer_.insert(hash);
  return false;
}

std::uint64_t SeenJobs::hash_of(const Job& job) {
  const std::uint16_t port = job.dp.value_or(0);
  text_.assign(reinterpret_cast<const char*>(job.dip.bytes.data()), job.dip.bytes.size());
  text_ += static_cast<char>(job.dip.version);
  text_ += static_cast<char>(port >> 8);
  text_ += static_cast<char>(port & 0xff);
  if (!job.domain.empty()) text_ += comparable_name(job.domain);
  const std::uint64_t hash = keyed_hash(key_, text_);
  return hash == 0 ? 1 : hash;  // 0 is a free slot
}

std::size_t SeenJobs::bytes() const { return newer_.bytes() + older_.bytes(); }

// Its slot, or the free one where it would go.
std::size_t SeenJobs::Table::find(const Part& part, std::uint64_t hash) {
  const std::size_t count = part.slots.size();
  std::size_t at = slot_for(hash, count);
  while (part.slots[at] != 0 && part.slots[at] != hash) at = at + 1 == count ? 0 : at + 1;
  return at;
}

bool SeenJobs::Table::contains(std::uint64_t hash) const {
  const Part& part = parts_[hash >> 56];
  return !part.slots.empty() && part.slots[find(part, hash)] == hash;
}

void SeenJobs::Table::insert(std::uint64_t hash) {
  Part& part = parts_[hash >> 56];
  if (part.used * 5 >= part.slots.size() * 4) grow(part);
  part.slots[find(part, hash)] = hash;
  ++part.used;
  ++size_;
}

void SeenJobs::Table::grow(Part& part) {
  const std::size_t count = std::max(least_slots, part.slots.size() * 5 / 4);
  const std::vector<std::uint64_t> old = std::exchange(part.slots, std::vector<std::uint64_t>(count));
  for (const std::uint64_t hash : old) {
    if (hash != 0) part.slots[find(part, hash)] = hash;
  }
}

std::size_t SeenJobs::Table::bytes() const {
  std::size_t slots = 0;
  for (const Part& part : parts_) slots += part.slots.capacity();
  return slots * sizeof(std::uint64_t);
}

void SeenJobs::Table::clear() {
  for (Part& part : parts_) part = {};
  size_ = 0;
}

}  // namespace spiderling
