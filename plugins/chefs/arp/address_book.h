// Which hardware answers for which IPv4 address, in bounded memory.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

#include "spiderling/address.h"
#include "spiderling/bytes.h"

namespace spiderling::arp {

/// When there are more addresses than it may hold, the one that was heard of longest ago is forgotten, and
/// counted.
class AddressBook {
 public:
  static constexpr std::size_t max_addresses = 65536;

  /// Notes that `hardware` answers for `address`; gives the one that did before, if one did.
  std::optional<MacAddress> note(const IpAddress& address, MacAddress hardware) {
    const std::uint32_t key = load_be32(address.bytes.data());
    const auto known = by_address_.find(key);
    if (known == by_address_.end()) {
      if (entries_.size() == max_addresses) forget_oldest();
      entries_.push_back({key, hardware});
      by_address_.emplace(key, std::prev(entries_.end()));
      return std::nullopt;
    }
    entries_.splice(entries_.end(), entries_, known->second);
    return std::exchange(entries_.back().hardware, hardware);
  }

  std::uint64_t forgotten() const { return forgotten_; }

 private:
  struct Entry {
    std::uint32_t address;
    MacAddress hardware;
  };
  void forget_oldest() {
    by_address_.erase(entries_.front().address);
    entries_.pop_front();
    ++forgotten_;
  }

  std::list<Entry> entries_;
  std::unordered_map<std::uint32_t, std::list<Entry>::iterator> by_address_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace spiderling::arp
