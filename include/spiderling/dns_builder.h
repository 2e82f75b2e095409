// Builds DNS messages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "spiderling/builder.h"

namespace spiderling {

namespace dns_flag {
inline constexpr std::uint16_t response = 0x8000;
inline constexpr std::uint16_t authoritative = 0x0400;
inline constexpr std::uint16_t truncated = 0x0200;
inline constexpr std::uint16_t recursion_desired = 0x0100;
inline constexpr std::uint16_t recursion_available = 0x0080;
}  // namespace dns_flag

inline constexpr std::uint16_t dns_class_in = 1;

/// Writes a message (RFC 1035) into a buffer of the caller's, front to back: questions, then answers,
/// authorities and additionals; the counts follow from the calls. Names are compressed against those before
/// them (section 4.1.4). They are given as DnsQuestion::name gives them, a dot at the end allowed.
///
///     DnsBuffer<512> dns;
///     dns.header(4711, dns_flag::recursion_desired).question("example.org", dns_type::a);
///     const auto bytes = dns.finish();
///     if (bytes) packet.udp({.source_port = 40000, .destination_port = 53}).payload(*bytes);
///
/// An error is kept and comes out of finish(). No heap, no exception. One thread at a time.
class DnsBuilder {
 public:
  enum class Section : std::uint8_t { answer, authority, additional };

  explicit DnsBuilder(std::span<std::uint8_t> room) : room_(room) { clear(); }

  DnsBuilder& clear();
  DnsBuilder& header(std::uint16_t id, std::uint16_t flags);
  DnsBuilder& question(std::string_view name, std::uint16_t type, std::uint16_t klass = dns_class_in);
  DnsBuilder& record(Section section, std::string_view name, std::uint16_t type, std::uint32_t ttl,
                     Bytes data, std::uint16_t klass = dns_class_in);
  /// A or AAAA, as the address has it.
  DnsBuilder& address(Section section, std::string_view name, const IpAddress& address, std::uint32_t ttl);
  /// A record whose data is one name: NS, CNAME, PTR.
  DnsBuilder& pointer(Section section, std::string_view name, std::uint16_t type, std::string_view target,
                      std::uint32_t ttl);
  /// The OPT record of EDNS (RFC 6891).
  DnsBuilder& edns(std::uint16_t udp_payload_size, Bytes options = {});
  /// States another count than there are entries, for malformed messages. 0: questions, 1 to 3: as Section.
  DnsBuilder& override_count(std::size_t section, std::uint16_t count);

  /// The message, or why there is none: overflow of the buffer, or a bad name (bad_options).
  tl::expected<Bytes, BuildError> finish();

 private:
  static constexpr std::size_t max_labels = 127;
  static constexpr std::size_t max_remembered = 64;

  std::uint8_t* add_bytes(std::size_t count);
  void fail(BuildError error) {
    if (!error_) error_ = error;
  }
  void add_name(std::string_view text);
  void add_encoded_name(Bytes encoded);
  std::optional<std::uint16_t> find_name(Bytes encoded) const;
  std::uint8_t* add_record_head(Section section, std::string_view name, std::uint16_t type,
                                std::uint16_t klass, std::uint32_t ttl);
  void end_record(std::uint8_t* length_field);

  std::span<std::uint8_t> room_;
  std::size_t size_ = 0;
  std::array<std::uint16_t, 4> counts_{};
  std::optional<BuildError> error_;
  std::array<std::uint16_t, max_remembered> names_{};  // where names and their tails begin
  std::size_t name_count_ = 0;
};

/// A DnsBuilder with its buffer.
template <std::size_t Capacity>
class DnsBuffer : public DnsBuilder {
 public:
  DnsBuffer() : DnsBuilder(std::span<std::uint8_t>(storage_, Capacity)) {}
  DnsBuffer(const DnsBuffer&) = delete;
  DnsBuffer& operator=(const DnsBuffer&) = delete;

 private:
  std::uint8_t storage_[Capacity];
};

/// Encodes a name as it stands in a message, without compression: labels with their lengths, at `out`, which
/// has room for 255 bytes. The size; nullopt for a label above 63 bytes, an empty label, a bad escape, more
/// than 255 bytes.
std::optional<std::size_t> encode_dns_name(std::string_view text, std::uint8_t* out);

}  // namespace spiderling
