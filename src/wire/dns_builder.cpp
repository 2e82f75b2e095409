#include "spiderling/dns_builder.h"

namespace spiderling {
namespace {

constexpr std::size_t max_encoded = 255;
constexpr std::size_t max_label = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One byte of a name's text, escapes undone (RFC 1035, section 5.1). nullopt: a bad escape.
std::optional<std::uint8_t> take_byte(std::string_view& text) {
  const char first = text[0];
  text.remove_prefix(1);
  if (first != '\\') return static_cast<std::uint8_t>(first);
  if (text.empty()) return std::nullopt;
  if (!is_digit(text[0])) {
    const char escaped = text[0];
    text.remove_prefix(1);
    return static_cast<std::uint8_t>(escaped);
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
  const int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  text.remove_prefix(3);
  if (value > 255) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

// Bytes, not letters: a name that differs in case only could be pointed to (RFC 4343), but would lose its
// case.
bool equal(Bytes a, Bytes b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<std::size_t> encode_dns_name(std::string_view text, std::uint8_t* out) {
  std::size_t size = 0;
  if (text == ".") text = {};
  while (!text.empty()) {
    const std::size_t length_at = size++;
    std::size_t length = 0;
    while (!text.empty() && text[0] != '.') {
      const auto byte = take_byte(text);
      if (!byte || ++length > max_label || size + 1 >= max_encoded) return std::nullopt;
      out[size++] = *byte;
    }
    if (length == 0) return std::nullopt;
    out[length_at] = static_cast<std::uint8_t>(length);
    if (!text.empty()) text.remove_prefix(1);
  }
  if (size >= max_encoded) return std::nullopt;
  out[size++] = 0;
  return size;
}

DnsBuilder& DnsBuilder::clear() {
  size_ = 0;
  counts_ = {};
  error_.reset();
  name_count_ = 0;
  add_bytes(DnsMessage::header_size);
  return *this;
}

std::uint8_t* DnsBuilder::add_bytes(std::size_t count) {
  if (count > room_.size() - size_) fail(BuildError::overflow);
  if (error_) return nullptr;
  std::uint8_t* at = room_.data() + size_;
  std::memset(at, 0, count);
  size_ += count;
  return at;
}

DnsBuilder& DnsBuilder::header(std::uint16_t id, std::uint16_t flags) {
  if (error_) return *this;
  store_be16(room_.data(), id);
  store_be16(room_.data() + 2, flags);
  return *this;
}

void DnsBuilder::add_name(std::string_view text) {
  std::uint8_t encoded[max_encoded];
  const auto size = encode_dns_name(text, encoded);
  if (!size) return fail(BuildError::bad_options);
  add_encoded_name(Bytes(encoded, *size));
}

// Label by label, until the rest is found in the message.
void DnsBuilder::add_encoded_name(Bytes encoded) {
  while (encoded[0] != 0) {
    if (const auto found = find_name(encoded)) {
      if (std::uint8_t* p = add_bytes(2)) store_be16(p, static_cast<std::uint16_t>(0xc000u | *found));
      return;
    }
    if (size_ < 0x4000 && name_count_ < max_remembered) {
      names_[name_count_++] = static_cast<std::uint16_t>(size_);
    }
    const std::size_t label = encoded[0] + std::size_t{1};
    std::uint8_t* p = add_bytes(label);
    if (p == nullptr) return;
    std::memcpy(p, encoded.data(), label);
    encoded = encoded.subspan(label);
  }
  add_bytes(1);
}

std::optional<std::uint16_t> DnsBuilder::find_name(Bytes encoded) const {
  const Bytes message = room_.first(size_);
  for (std::size_t i = 0; i < name_count_; ++i) {
    const auto name = DnsName::at(message, names_[i]);
    if (!name) continue;  // one that is still being written
    char text[max_dns_name_text];
    std::uint8_t other[max_encoded];
    const auto size =
        encode_dns_name(std::string_view(text, static_cast<std::size_t>(name->write(text) - text)), other);
    if (size && equal(encoded, Bytes(other, *size))) return names_[i];
  }
  return std::nullopt;
}

DnsBuilder& DnsBuilder::question(std::string_view name, std::uint16_t type, std::uint16_t klass) {
  add_name(name);
  std::uint8_t* p = add_bytes(DnsQuestion::fixed_size);
  if (p == nullptr) return *this;
  store_be16(p, type);
  store_be16(p + 2, klass);
  ++counts_[0];
  return *this;
}

// Returns where the length of the data belongs.
std::uint8_t* DnsBuilder::add_record_head(Section section, std::string_view name, std::uint16_t type,
                                          std::uint16_t klass, std::uint32_t ttl) {
  add_name(name);
  std::uint8_t* p = add_bytes(DnsRecord::fixed_size);
  if (p == nullptr) return nullptr;
  store_be16(p, type);
  store_be16(p + 2, klass);
  store_be32(p + 4, ttl);
  ++counts_[static_cast<std::size_t>(section) + 1];
  return p + 8;
}

void DnsBuilder::end_record(std::uint8_t* length_field) {
  if (error_) return;
  const auto length = static_cast<std::size_t>(room_.data() + size_ - (length_field + 2));
  if (length > 0xffff) return fail(BuildError::too_long);
  store_be16(length_field, static_cast<std::uint16_t>(length));
}

DnsBuilder& DnsBuilder::record(Section section, std::string_view name, std::uint16_t type, std::uint32_t ttl,
                               Bytes data, std::uint16_t klass) {
  std::uint8_t* length_field = add_record_head(section, name, type, klass, ttl);
  std::uint8_t* p = add_bytes(data.size());
  if (p == nullptr) return *this;
  if (!data.empty()) std::memcpy(p, data.data(), data.size());
  end_record(length_field);
  return *this;
}

DnsBuilder& DnsBuilder::address(Section section, std::string_view name, const IpAddress& address,
                                std::uint32_t ttl) {
  const bool is_v6 = address.version == IpVersion::v6;
  return record(section, name, is_v6 ? dns_type::aaaa : dns_type::a, ttl,
                Bytes(address.bytes).first(is_v6 ? 16 : 4));
}

DnsBuilder& DnsBuilder::pointer(Section section, std::string_view name, std::uint16_t type,
                                std::string_view target, std::uint32_t ttl) {
  std::uint8_t* length_field = add_record_head(section, name, type, dns_class_in, ttl);
  if (length_field == nullptr) return *this;
  add_name(target);
  end_record(length_field);
  return *this;
}

DnsBuilder& DnsBuilder::edns(std::uint16_t udp_payload_size, Bytes options) {
  return record(Section::additional, ".", dns_type::opt, 0, options, udp_payload_size);
}

DnsBuilder& DnsBuilder::override_count(std::size_t section, std::uint16_t count) {
  if (section < counts_.size()) counts_[section] = count;
  return *this;
}

tl::expected<Bytes, BuildError> DnsBuilder::finish() {
  if (error_) return tl::unexpected(*error_);
  for (std::size_t i = 0; i < counts_.size(); ++i) store_be16(room_.data() + 4 + 2 * i, counts_[i]);
  return Bytes(room_.first(size_));
}

}  // namespace spiderling
