// For tests: writes a MaxMind database, as its format describes it (version 2.0).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/prefix_map.h"

namespace spiderling {

/// Of IPv6 networks; those of IPv4 are where the format wants them, in ::/96.
class TestMmdb {
 public:
  /// One map with one member. `value`: see number() and text(). Prefixes must not overlap.
  void add(std::string_view prefix, std::string_view member, const std::string& value) {
    const Prefix parsed = Prefix::parse(prefix).value();
    std::string bits;
    const bool v4 = parsed.address.version == IpVersion::v4;
    if (v4) bits.assign(96, '0');
    for (unsigned i = 0; i < parsed.length; ++i)
      bits += (parsed.address.bytes[i / 8] & (0x80u >> i % 8)) != 0 ? '1' : '0';
    const std::size_t at = data_.size();
    data_ += map(1) + text(member) + value;
    std::size_t node = 0;
    for (std::size_t i = 0; i + 1 < bits.size(); ++i) {
      const auto side = static_cast<std::size_t>(bits[i] - '0');
      if (nodes_[node][side].kind != Record::node) {
        nodes_[node][side] = {Record::node, nodes_.size()};
        nodes_.push_back({});
      }
      node = nodes_[node][side].value;
    }
    nodes_[node][static_cast<std::size_t>(bits.back() - '0')] = {Record::data, at};
  }

  static std::string number(std::uint32_t value) {
    std::string bytes(1, static_cast<char>(6 << 5 | 4));
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
  }
  /// Of fewer than 29 bytes.
  static std::string text(std::string_view value) {
    return static_cast<char>(2 << 5 | static_cast<int>(value.size())) + std::string(value);
  }

  std::string bytes() const {
    std::string file;
    for (const auto& node : nodes_) {
      for (const Record& record : node) {
        std::size_t number = nodes_.size();  // nothing there
        if (record.kind == Record::node) number = record.value;
        if (record.kind == Record::data) number = nodes_.size() + 16 + record.value;
        for (int shift = 24; shift >= 0; shift -= 8) file += static_cast<char>(number >> shift & 0xff);
      }
    }
    file += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    file += map(9) + text("node_count") + number(static_cast<std::uint32_t>(nodes_.size())) +
            text("record_size") + small(32) + text("ip_version") + small(6) + text("database_type") +
            text("Test-ASN") + text("languages") + array(1) + text("en") +
            text("binary_format_major_version") + small(2) + text("binary_format_minor_version") + small(0) +
            text("build_epoch") + long_number(1) + text("description") + map(1) + text("en") + text("a test");
    return file;
  }

 private:
  // Types beyond 7 have a byte of their own.
  static std::string small(char value) { return {static_cast<char>(5 << 5 | 1), value}; }
  static std::string array(char members) { return {members, 11 - 7}; }
  static std::string long_number(char value) { return std::string("\x08\x02\0\0\0\0\0\0\0", 9) + value; }
  static std::string map(int members) { return {static_cast<char>(7 << 5 | members)}; }
  struct Record {
    enum Kind { nothing, node, data } kind = nothing;
    std::size_t value = 0;
  };
  std::vector<std::array<Record, 2>> nodes_{1};
  std::string data_;
};

}  // namespace spiderling
