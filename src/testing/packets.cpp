#include "spiderling/testing/packets.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "testing/packet_text.h"
#include "wire/dissect.h"

namespace spiderling::testing {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The seconds that a line may begin with, taken off it.
struct LineTime {
  bool relative = false;
  std::chrono::nanoseconds since{};
};
std::optional<LineTime> take_time(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  const bool relative = word.starts_with('+');
  const std::string_view digits = relative ? word.substr(1) : word;
  double seconds = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds < 1e9)) throw std::invalid_argument("no time that a packet can have");
  line = trimmed(line.substr(word.size()));
  return LineTime{relative, std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9 + 0.5))};
}

constexpr std::chrono::milliseconds step{1};

}  // namespace

Packets& Packets::add(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trimmed(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.empty() || line.front() == '#') continue;
    try {
      add_line(line);
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument(fmt::format("packet \"{}\": {}", line, problem.what()));
    }
  }
  return *this;
}

void Packets::add_line(std::string_view line) {
  if (line.starts_with("let ")) {
    const std::size_t equals = line.find('=');
    if (equals == line.npos) throw std::invalid_argument("a name is given by: let NAME = ADDRESS:PORT");
    names_[std::string(trimmed(line.substr(4, equals - 4)))] = std::string(trimmed(line.substr(equals + 1)));
    return;
  }
  if (const auto time = take_time(line)) {
    const Timestamp before = packets_.empty() ? start_time : packets_.back().time;
    next_ = (time->relative ? before : start_time) + time->since;
  }
  TextPacket made = packet_of_text(line, names_);
  keep(std::move(made.frame), LinkType::ethernet, made.wire_length);
}

Packets& Packets::add(PacketBuilder& built, LinkType link_type) {
  const auto bytes = built.finish();
  if (!bytes)
    throw std::invalid_argument(fmt::format("the packet cannot be built: {}", describe(bytes.error())));
  return add(*bytes, link_type);
}

Packets& Packets::add(Bytes bytes, LinkType link_type) {
  return keep({bytes.begin(), bytes.end()}, link_type);
}

Packets& Packets::add(const Packets& more) {
  for (const StoredPacket& one : std::deque<StoredPacket>(more.packets_))
    keep(one.bytes, one.link_type, one.wire_length);
  return *this;
}

Packets& Packets::keep(std::vector<std::uint8_t> bytes, LinkType link_type, std::uint32_t wire_length) {
  const auto captured = static_cast<std::uint32_t>(bytes.size());
  packets_.push_back({std::move(bytes), next_, link_type, std::max(captured, wire_length)});
  next_ += step;
  return *this;
}

Packet Packets::operator[](std::size_t number) const {
  const StoredPacket& stored = packets_.at(number);
  Packet found;
  Dissector::dissect(found, stored.bytes, stored.wire_length, stored.time.time_since_epoch().count(),
                     stored.link_type);
  return found;
}

void Packets::save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const auto put = [&](std::uint32_t value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto link_type = packets_.empty() ? LinkType::ethernet : packets_.front().link_type;
  for (const std::uint32_t word :
       {0xa1b23c4du, 4u << 16 | 2u, 0u, 0u, 262'144u, static_cast<std::uint32_t>(link_type)})
    put(word);
  for (const StoredPacket& one : packets_) {
    if (one.link_type != link_type)
      throw std::runtime_error("packets of two link types do not go into one file");
    const auto nanoseconds = static_cast<std::uint64_t>(one.time.time_since_epoch().count());
    put(static_cast<std::uint32_t>(nanoseconds / 1'000'000'000));
    put(static_cast<std::uint32_t>(nanoseconds % 1'000'000'000));
    put(static_cast<std::uint32_t>(one.bytes.size()));
    put(one.wire_length);
    file.write(reinterpret_cast<const char*>(one.bytes.data()),
               static_cast<std::streamsize>(one.bytes.size()));
  }
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

std::vector<std::uint8_t> packet(std::string_view line) {
  Packets one;
  one.add(line);
  if (one.size() != 1) throw std::invalid_argument(fmt::format("\"{}\" is not one packet", line));
  return one.stored().front().bytes;
}

}  // namespace spiderling::testing
