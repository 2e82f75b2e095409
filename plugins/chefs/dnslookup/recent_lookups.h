// The hosts that were looked up last, in bounded memory.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace spiderling::dnslookup {

/// A host's count and latest time, by name. When there are more hosts or bytes of names than it may hold, the
/// host that was looked up longest ago is forgotten, and counted.
class RecentLookups {
 public:
  struct Host {
    std::string name;
    std::uint64_t count = 0;
    double latest = 0;  ///< epoch seconds
  };
  static constexpr std::size_t max_hosts = 1024;
  /// Names are at most a kilobyte, so what max_hosts bounds is their number; this bounds what a dumpling of
  /// all is.
  static constexpr std::size_t max_name_bytes = 256u << 10;

  void saw(std::string_view name, double time) {
    if (const auto known = by_name_.find(name); known != by_name_.end()) {
      hosts_.splice(hosts_.end(), hosts_, known->second);
    } else {
      hosts_.push_back({std::string(name), 0, 0});
      by_name_.emplace(hosts_.back().name, std::prev(hosts_.end()));
      name_bytes_ += name.size();
    }
    ++hosts_.back().count;
    hosts_.back().latest = time;
    while (hosts_.size() > max_hosts || name_bytes_ > max_name_bytes) forget_oldest();
  }

  /// The one looked up longest ago first.
  const std::list<Host>& hosts() const { return hosts_; }
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  void forget_oldest() {
    name_bytes_ -= hosts_.front().name.size();
    by_name_.erase(hosts_.front().name);
    hosts_.pop_front();
    ++forgotten_;
  }

  std::list<Host> hosts_;
  std::unordered_map<std::string_view, std::list<Host>::iterator> by_name_;  // keys: the names in hosts_
  std::size_t name_bytes_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace spiderling::dnslookup
