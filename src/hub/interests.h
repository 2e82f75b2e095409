// Which dumplings an eater asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/frame_log.h"

namespace spiderling {

/// Numbers for the names that some eater asks for, and only for those: what kitchens send does not make it
/// grow. One thread.
class NameTable {
 public:
  static constexpr std::uint16_t most_names = 0x7fff;

  /// The number of a name, never 0; nullopt: there are too many names. Each success is to be released once.
  std::optional<std::uint16_t> acquire(std::string_view name);
  void release(std::uint16_t number);
  /// The number of a name, 0 if nobody asks for it.
  std::uint16_t find(std::string_view name) const;
  bool empty() const { return entries_.empty(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  struct Entry {
    std::uint16_t number;
    std::uint32_t users;
  };
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::vector<const std::string*> names_;  // by number - 1; null: free
  std::vector<std::uint16_t> free_;
};

/// As it stands in an eater's hello. A list that is not there lets everything through.
struct WantedNames {
  std::optional<std::vector<std::string>> chefs;
  std::optional<std::vector<std::string>> kitchens;
  bool packet = true;
  bool interval = true;

  bool everything() const { return !chefs && !kitchens && packet && interval; }
};

/// One eater's choice, in numbers. Holds them in the table while it lives.
class Interests {
 public:
  /// nullopt: the table is full.
  static std::optional<Interests> make(NameTable& table, const WantedNames& wanted);
  ~Interests();
  Interests(Interests&& other) noexcept;
  Interests& operator=(Interests&&) = delete;

  bool wants(const FrameTags& tags) const {
    if (tags.interval != 0 ? !interval_ : !packet_) return false;
    return contains(chefs_, tags.chef) && contains(kitchens_, tags.kitchen);
  }

 private:
  using Numbers = std::optional<std::vector<std::uint16_t>>;  // sorted

  explicit Interests(NameTable& table) : table_(&table) {}
  static bool contains(const Numbers& numbers, std::uint16_t number);
  bool take(const std::optional<std::vector<std::string>>& names, Numbers& numbers);

  NameTable* table_;
  Numbers chefs_;
  Numbers kitchens_;
  bool packet_ = true;
  bool interval_ = true;
};

}  // namespace spiderling
