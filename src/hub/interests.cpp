#include "hub/interests.h"

#include <algorithm>

namespace spiderling {

std::optional<std::uint16_t> NameTable::acquire(std::string_view name) {
  if (const auto known = entries_.find(name); known != entries_.end()) {
    ++known->second.users;
    return known->second.number;
  }
  std::uint16_t number = 0;
  if (!free_.empty()) {
    number = free_.back();
    free_.pop_back();
  } else if (names_.size() < most_names) {
    names_.push_back(nullptr);
    number = static_cast<std::uint16_t>(names_.size());
  } else {
    return std::nullopt;
  }
  const auto added = entries_.emplace(std::string(name), Entry{number, 1}).first;
  names_[number - 1u] = &added->first;
  return number;
}

void NameTable::release(std::uint16_t number) {
  const auto entry = entries_.find(*names_[number - 1u]);
  if (--entry->second.users > 0) return;
  names_[number - 1u] = nullptr;
  free_.push_back(number);
  entries_.erase(entry);
}

std::uint16_t NameTable::find(std::string_view name) const {
  const auto known = entries_.find(name);
  return known == entries_.end() ? std::uint16_t{0} : known->second.number;
}

std::optional<Interests> Interests::make(NameTable& table, const WantedNames& wanted) {
  Interests interests(table);
  interests.packet_ = wanted.packet;
  interests.interval_ = wanted.interval;
  if (!interests.take(wanted.chefs, interests.chefs_) ||
      !interests.take(wanted.kitchens, interests.kitchens_)) {
    return std::nullopt;
  }
  return interests;
}

bool Interests::take(const std::optional<std::vector<std::string>>& names, Numbers& numbers) {
  if (!names) return true;
  numbers.emplace();
  for (const std::string& name : *names) {
    const auto number = table_->acquire(name);
    if (!number) return false;
    numbers->push_back(*number);
  }
  std::sort(numbers->begin(), numbers->end());
  return true;
}

bool Interests::contains(const Numbers& numbers, std::uint16_t number) {
  return !numbers || std::binary_search(numbers->begin(), numbers->end(), number);
}

Interests::Interests(Interests&& other) noexcept
    : table_(other.table_),
      chefs_(std::move(other.chefs_)),
      kitchens_(std::move(other.kitchens_)),
      packet_(other.packet_),
      interval_(other.interval_) {
  other.chefs_.reset();
  other.kitchens_.reset();
}

Interests::~Interests() {
  for (const Numbers* numbers : {&chefs_, &kitchens_}) {
    if (!*numbers) continue;
    for (const std::uint16_t number : **numbers) table_->release(number);
  }
}

}  // namespace spiderling
