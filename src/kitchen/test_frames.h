// Frames and a sink, for the tests of the kitchen and of chefs.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "capture/source.h"
#include "kitchen/dumpling_sink.h"
#include "spiderling/builder.h"

namespace spiderling::testing {

/// Keeps dumplings.
class KeptDumplings final : public DumplingSink {
 public:
  bool put(std::string_view lines, std::size_t count) override {
    std::size_t found = 0;
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      all.push_back(boost::json::parse(lines.substr(0, end)));
      lines.remove_prefix(end + 1);
      ++found;
    }
    counts_agree = counts_agree && found == count;
    return all.size() < wanted;
  }
  /// Of one chef: [driver, payload] of each.
  std::vector<boost::json::value> of(std::string_view chef) const {
    std::vector<boost::json::value> found;
    for (const auto& dumpling : all) {
      if (dumpling.at("metadata").at("chef").as_string() == chef) {
        found.push_back({dumpling.at("metadata").at("driver"), dumpling.at("payload")});
      }
    }
    return found;
  }

  std::vector<boost::json::value> all;
  bool counts_agree = true;
  std::size_t wanted = SIZE_MAX;
};

/// Frames that own their bytes.
class FrameList {
 public:
  FrameList& add(PacketBuilder& built, double seconds = 0) { return add(built.finish().value(), seconds); }
  FrameList& add(Bytes bytes, double seconds = 0, LinkType link_type = LinkType::ethernet) {
    const auto& kept = bytes_.emplace_back(bytes.begin(), bytes.end());
    frames_.push_back({kept.data(), static_cast<std::int64_t>(seconds * 1e9),
                       static_cast<std::uint32_t>(kept.size()), static_cast<std::uint32_t>(kept.size()),
                       link_type});
    return *this;
  }
  std::span<const Frame> frames() const { return frames_; }

 private:
  std::deque<std::vector<std::uint8_t>> bytes_;
  std::vector<Frame> frames_;
};

inline IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

}  // namespace spiderling::testing
