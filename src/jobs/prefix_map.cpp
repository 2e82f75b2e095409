#include "jobs/prefix_map.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "jobs/job_fields.h"

namespace spiderling {
namespace {

constexpr std::uint64_t all_ones = std::numeric_limits<std::uint64_t>::max();

// The bits behind the first `length` of 64.
std::uint64_t bits_behind(unsigned length) { return length >= 64 ? 0 : all_ones >> length; }

}  // namespace

Result<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return error("{} is neither an address nor a prefix", excerpt(text));
  const unsigned most = address->version == IpVersion::v4 ? 32 : 128;
  Prefix prefix{*address, most};
  if (slash == std::string_view::npos) return prefix;
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data() + slash + 1, end, prefix.length);
  if (code != std::errc() || stopped != end || prefix.length > most)
    return error("{} has no length from 0 to {} behind its slash", excerpt(text), most);
  for (unsigned bit = prefix.length; bit < most; ++bit) {
    if ((address->bytes[bit / 8] & (0x80u >> bit % 8)) != 0)
      return error("{} has bits behind its length; write the address alone, or with zeros there",
                   excerpt(text));
  }
  return prefix;
}

PrefixMap::Place PrefixMap::place_of(const IpAddress& address) {
  Place place{};
  for (std::size_t i = 0; i < 16; ++i) place[i / 8] = place[i / 8] << 8 | address.bytes[i];
  return place;
}

void PrefixMap::add(const Prefix& prefix, std::uint32_t value) {
  Entry entry{place_of(prefix.address), {}, prefix.length, value};
  entry.last = {entry.first[0] | bits_behind(prefix.length),
                entry.first[1] | bits_behind(prefix.length > 64 ? prefix.length - 64 : 0)};
  (prefix.address.version == IpVersion::v4 ? v4_ : v6_).entries.push_back(entry);
  ++added_;
}

void PrefixMap::finish() {
  for (OfVersion* one : {&v4_, &v6_}) one->starts = flatten(std::exchange(one->entries, {}));
}

// Prefixes are apart or one inside the other: a stack of those that are open where we stand is enough.
std::vector<PrefixMap::Start> PrefixMap::flatten(std::vector<Entry> entries) {
  std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) {
    return a.first != b.first ? a.first < b.first : a.length < b.length;
  });
  std::vector<Start> starts;
  std::vector<const Entry*> open;
  const auto start = [&](const Place& from, std::uint32_t value) {
    if (!starts.empty() && starts.back().from == from) starts.pop_back();
    starts.push_back({from, value});
  };
  const auto close = [&] {
    const Place last = open.back()->last;
    open.pop_back();
    if (last[0] == all_ones && last[1] == all_ones) return;
    const Place behind{last[1] == all_ones ? last[0] + 1 : last[0], last[1] + 1};
    start(behind, open.empty() ? 0 : open.back()->value);
  };
  for (const Entry& entry : entries) {
    while (!open.empty() && open.back()->last < entry.first) close();
    open.push_back(&entry);
    start(entry.first, entry.value);
  }
  while (!open.empty()) close();
  return starts;
}

std::uint32_t PrefixMap::find(const IpAddress& address) const {
  if (address.version == IpVersion::none) return 0;
  const std::vector<Start>& starts = address.version == IpVersion::v4 ? v4_.starts : v6_.starts;
  const auto next = std::ranges::upper_bound(starts, place_of(address), {}, &Start::from);
  return next == starts.begin() ? 0 : std::prev(next)->value;
}

IpAddress embedded_v4(const IpAddress& address) {
  if (address.version != IpVersion::v6) return {};
  constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::uint8_t translated[12] = {0, 0x64, 0xff, 0x9b};
  const std::uint8_t* bytes = address.bytes.data();
  if (std::memcmp(bytes, mapped, 12) == 0 || std::memcmp(bytes, translated, 12) == 0)
    return IpAddress::v4(bytes + 12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return IpAddress::v4(bytes + 2);
  return {};
}

}  // namespace spiderling
