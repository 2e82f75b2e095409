#include <algorithm>
#include <cstring>
#include <limits>

#include "capture/trace_writer.h"

namespace spiderling {
namespace {

constexpr std::uint32_t snap_length = 262144;
constexpr std::int64_t second = 1'000'000'000;

/// Puts values one after another, in this machine's byte order.
class Put {
 public:
  explicit Put(std::uint8_t* at) : at_(at) {}

  template <class T>
  Put& value(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
    return *this;
  }
  Put& bytes(const std::uint8_t* from, std::size_t size) {
    if (size != 0) std::memcpy(at_, from, size);
    at_ += size;
    return *this;
  }
  Put& zeros(std::size_t size) {
    std::memset(at_, 0, size);
    at_ += size;
    return *this;
  }

 private:
  std::uint8_t* at_;
};

/// Room for `size` bytes at the end.
Put extend(std::vector<std::uint8_t>& bytes, std::size_t size) {
  const std::size_t before = bytes.size();
  bytes.resize(before + size);
  return Put(bytes.data() + before);
}

void put_pcap_header(std::uint32_t link_type, std::vector<std::uint8_t>& bytes) {
  extend(bytes, 24)
      .value(std::uint32_t{0xa1b23c4d})
      .value(std::uint16_t{2})
      .value(std::uint16_t{4})
      .zeros(8)
      .value(snap_length)
      .value(link_type);
}

void put_section(std::vector<std::uint8_t>& bytes) {
  extend(bytes, 28)
      .value(std::uint32_t{0x0a0d0d0a})
      .value(std::uint32_t{28})
      .value(std::uint32_t{0x1a2b3c4d})
      .value(std::uint16_t{1})
      .value(std::uint16_t{0})
      .value(std::int64_t{-1})  // of a length that is not known
      .value(std::uint32_t{28});
}

// With the option if_tsresol: nanoseconds.
void put_interface(LinkType link_type, std::vector<std::uint8_t>& bytes) {
  extend(bytes, 32)
      .value(std::uint32_t{1})
      .value(std::uint32_t{32})
      .value(static_cast<std::uint16_t>(link_type))
      .value(std::uint16_t{0})
      .value(snap_length)
      .value(std::uint16_t{9})
      .value(std::uint16_t{1})
      .value(std::uint32_t{9})  // one byte and three of padding
      .value(std::uint32_t{0})
      .value(std::uint32_t{32});
}

}  // namespace

std::size_t TraceFormat::slot(LinkType link_type) {
  const auto found = std::find(known_link_types.begin(), known_link_types.end(), link_type);
  return static_cast<std::size_t>(found - known_link_types.begin());
}

bool TraceFormat::append(const Frame& frame, std::vector<std::uint8_t>& bytes) {
  if (kind_ == Kind::pcapng) {
    append_pcapng(frame, interface_number(frame.link_type), bytes);
    return true;
  }
  const auto link_type = static_cast<std::int32_t>(frame.link_type);
  std::int32_t of_file = -1;
  if (!pcap_link_type_.compare_exchange_strong(of_file, link_type) && of_file != link_type) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  append_pcap(frame, bytes);
  return true;
}

void TraceFormat::append_pcap(const Frame& frame, std::vector<std::uint8_t>& bytes) const {
  const std::int64_t last = std::int64_t{std::numeric_limits<std::uint32_t>::max()} * second + (second - 1);
  const std::int64_t time_ns = std::clamp<std::int64_t>(frame.time_ns, 0, last);
  extend(bytes, 16 + std::size_t{frame.captured})
      .value(static_cast<std::uint32_t>(time_ns / second))
      .value(static_cast<std::uint32_t>(time_ns % second))
      .value(frame.captured)
      .value(frame.wire_length)
      .bytes(frame.data, frame.captured);
}

void TraceFormat::append_pcapng(const Frame& frame, std::uint32_t interface,
                                std::vector<std::uint8_t>& bytes) const {
  const auto time_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(frame.time_ns, 0));
  const std::uint32_t padding = -frame.captured & 3u;
  const std::uint32_t length = 32 + frame.captured + padding;
  extend(bytes, length)
      .value(std::uint32_t{6})
      .value(length)
      .value(interface)
      .value(static_cast<std::uint32_t>(time_ns >> 32))
      .value(static_cast<std::uint32_t>(time_ns))
      .value(frame.captured)
      .value(frame.wire_length)
      .bytes(frame.data, frame.captured)
      .zeros(padding)
      .value(length);
}

std::uint32_t TraceFormat::interface_number(LinkType link_type) {
  std::atomic<std::uint32_t>& number = numbers_.at(slot(link_type));
  if (const std::uint32_t known = number.load(std::memory_order_acquire); known != 0) return known - 1;
  const std::lock_guard lock(mutex_);
  if (const std::uint32_t known = number.load(std::memory_order_relaxed); known != 0) return known - 1;
  interfaces_.push_back(link_type);
  const auto given = static_cast<std::uint32_t>(interfaces_.size());
  number.store(given, std::memory_order_release);
  return given - 1;
}

std::vector<std::uint8_t> TraceFormat::take_preamble(bool final) {
  std::vector<std::uint8_t> bytes;
  const std::lock_guard lock(mutex_);
  if (kind_ == Kind::pcap) {
    const std::int32_t link_type = pcap_link_type_.load();
    if (!header_taken_ && (link_type >= 0 || final)) {
      header_taken_ = true;
      const auto fallback = static_cast<std::uint32_t>(LinkType::ethernet);
      put_pcap_header(link_type >= 0 ? static_cast<std::uint32_t>(link_type) : fallback, bytes);
    }
    return bytes;
  }
  if (!header_taken_) put_section(bytes);
  header_taken_ = true;
  for (; interfaces_taken_ < interfaces_.size(); ++interfaces_taken_)
    put_interface(interfaces_[interfaces_taken_], bytes);
  return bytes;
}

}  // namespace spiderling
