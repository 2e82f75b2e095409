// TCP (RFC 9293) and its options.
#pragma once

#include <optional>

#include "spiderling/bytes.h"

namespace spiderling {

/// The flags byte of the TCP header (RFC 9293, section 3.1; ECE and CWR: RFC 3168).
namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace tcp_flag

/// IANA TCP option kinds.
enum class TcpOptionKind : std::uint8_t {
  end_of_list = 0,
  no_operation = 1,
  maximum_segment_size = 2,
  window_scale = 3,
  sack_permitted = 4,
  sack = 5,
  timestamps = 8,
  fast_open = 34,
  experiment_1 = 253,  // RFC 4727: 253 and 254
  experiment_2 = 254,
};

/// One TCP option with a length byte.
struct TcpOption {
  std::uint8_t kind = 0;
  /// As it stands in the option: kind and length bytes included, so data.size() + 2.
  std::uint8_t length = 0;
  Bytes data;
  bool is(TcpOptionKind wanted) const { return kind == static_cast<std::uint8_t>(wanted); }
};

/// The options of one header, for a range-based for. No-operation is skipped; the walk ends at the
/// end-of-list option, at the end of the bytes, or at an option whose length is impossible (see
/// TcpOptions::well_formed).
class TcpOptions {
 public:
  class Iterator {
   public:
    Iterator() = default;
    explicit Iterator(Bytes rest) : rest_(rest) { read(); }
    const TcpOption& operator*() const { return option_; }
    const TcpOption* operator->() const { return &option_; }
    Iterator& operator++() {
      rest_ = rest_.subspan(option_.length);
      read();
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.done_ == b.done_; }
    bool well_formed() const { return well_formed_; }

   private:
    void read() {
      done_ = true;
      while (!rest_.empty() && rest_[0] == static_cast<std::uint8_t>(TcpOptionKind::no_operation)) {
        rest_ = rest_.subspan(1);
      }
      if (rest_.empty() || rest_[0] == static_cast<std::uint8_t>(TcpOptionKind::end_of_list)) return;
      if (rest_.size() < 2 || rest_[1] < 2 || rest_[1] > rest_.size()) {
        well_formed_ = false;
        return;
      }
      option_ = {rest_[0], rest_[1], rest_.subspan(2, rest_[1] - std::size_t{2})};
      done_ = false;
    }
    Bytes rest_;
    TcpOption option_;
    bool done_ = true;
    bool well_formed_ = true;
  };

  explicit TcpOptions(Bytes bytes) : bytes_(bytes) {}
  Iterator begin() const { return Iterator(bytes_); }
  Iterator end() const { return {}; }
  bool empty() const { return bytes_.empty(); }
  Bytes bytes() const { return bytes_; }
  /// False if a length in the list is impossible: below two, or past the end. Walks the list.
  bool well_formed() const {
    Iterator i = begin();
    while (!(i == end())) ++i;
    return i.well_formed();
  }
  std::optional<TcpOption> find(TcpOptionKind kind) const {
    for (const TcpOption& option : *this) {
      if (option.is(kind)) return option;
    }
    return std::nullopt;
  }

 private:
  Bytes bytes_;
};

/// A view of a TCP header. The fixed twenty bytes are there; the options as far as captured.
///
///     const auto tcp = packet.tcp();
///     if (!tcp || !tcp->has(tcp_flag::syn)) return 0;
///     const auto mss = tcp->options().find(TcpOptionKind::maximum_segment_size);
///     return mss && mss->data.size() == 2 ? load_be16(mss->data.data()) : 536;
class TcpHeader {
 public:
  static constexpr std::size_t min_size = 20;

  static std::optional<TcpHeader> at(Bytes bytes) {
    if (bytes.size() < min_size) return std::nullopt;
    return TcpHeader(bytes);
  }
  std::uint16_t source_port() const { return load_be16(p_); }
  std::uint16_t destination_port() const { return load_be16(p_ + 2); }
  std::uint32_t sequence() const { return load_be32(p_ + 4); }
  std::uint32_t acknowledgement() const { return load_be32(p_ + 8); }
  /// In bytes, as it stands in the header: below 20 is malformed.
  std::size_t header_length() const { return static_cast<std::size_t>(p_[12] >> 4) * 4; }
  /// The four reserved bits (the lowest is AccECN's AE, RFC 9768).
  std::uint8_t reserved() const { return p_[12] & 0x0f; }
  std::uint8_t flags() const { return p_[13]; }
  bool has(std::uint8_t all_of_these_flags) const {
    return (p_[13] & all_of_these_flags) == all_of_these_flags;
  }
  std::uint16_t window() const { return load_be16(p_ + 14); }
  std::uint16_t checksum() const { return load_be16(p_ + 16); }
  std::uint16_t urgent_pointer() const { return load_be16(p_ + 18); }
  /// Empty if the header length is malformed; cut where the capture was cut.
  TcpOptions options() const {
    const std::size_t length = header_length();
    if (length <= min_size) return TcpOptions({});
    return TcpOptions({p_ + min_size, (length < size_ ? length : size_) - min_size});
  }

 private:
  explicit TcpHeader(Bytes bytes) : p_(bytes.data()), size_(static_cast<std::uint32_t>(bytes.size())) {}
  const std::uint8_t* p_;
  std::uint32_t size_;
};

}  // namespace spiderling
