// DNS messages (RFC 1035): bounded views, decoded as they are asked for.
#pragma once

#include <iterator>
#include <optional>
#include <string>

#include "spiderling/address.h"
#include "spiderling/bytes.h"

namespace spiderling {

/// Types of resource records that have an accessor here (RFC 1035, section 3.2.2; RFC 3596).
namespace dns_type {
inline constexpr std::uint16_t a = 1;
inline constexpr std::uint16_t ns = 2;
inline constexpr std::uint16_t cname = 5;
inline constexpr std::uint16_t soa = 6;
inline constexpr std::uint16_t ptr = 12;
inline constexpr std::uint16_t mx = 15;
inline constexpr std::uint16_t txt = 16;
inline constexpr std::uint16_t aaaa = 28;
inline constexpr std::uint16_t srv = 33;
inline constexpr std::uint16_t opt = 41;
}  // namespace dns_type

/// Room for the longest text of a domain name: 255 bytes of which each may be written as \DDD.
inline constexpr std::size_t max_dns_name_text = 1024;

/// A domain name inside a message: a view. A name may go on elsewhere in the message (RFC 1035,
/// section 4.1.4); such pointers are followed only backwards, each further than the one before, so that a
/// loop is impossible.
class DnsName {
 public:
  /// No name at all; its text is empty.
  DnsName() = default;

  /// Nullopt if the name does not lie whole in the message, is longer than 255 bytes, has a label of an
  /// unknown kind, or a pointer that does not point backwards to behind the message's header, or too many of
  /// those.
  static std::optional<DnsName> at(Bytes message, std::size_t offset) {
    DnsName name;
    name.message_ = message;
    name.offset_ = offset;
    Walk walk(message, offset);
    std::size_t encoded = 1;  // the root label
    for (Bytes label; walk.next(label);) {
      encoded += label.size() + 1;
      if (encoded > max_encoded) return std::nullopt;
    }
    if (!walk.well_formed()) return std::nullopt;
    name.size_ = walk.size_in_place();
    return name;
  }

  /// Bytes that the name takes where it stands, a pointer counted as its two bytes.
  std::size_t size_in_place() const { return size_; }

  /// Writes the text at `out`, which has room for max_dns_name_text bytes; returns one past the last.
  /// Presentation format: labels with dots between them and none at the end, "." for the root; a dot or a
  /// backslash inside a label has a backslash before it; bytes other than '!' to '~' are \DDD in decimal (RFC
  /// 4343, section 2.1).
  char* write(char* out) const {
    if (size_ == 0) return out;
    Walk walk(message_, offset_);
    char* const begin = out;
    for (Bytes label; walk.next(label);) {
      if (out != begin) *out++ = '.';
      for (const std::uint8_t byte : label) out = write_byte(byte, out);
    }
    if (out == begin) *out++ = '.';
    return out;
  }
  std::string text() const {
    char text[max_dns_name_text];
    return std::string(text, write(text));
  }

 private:
  static constexpr std::size_t max_encoded = 255;
  static constexpr std::size_t message_header = 12;
  // One before each of the most labels that there can be. Without this bound a name could be a chain of
  // pointers as long as the message, and a message of such names would take seconds.
  static constexpr std::size_t max_jumps = 127;

  // Label after label, through pointers.
  class Walk {
   public:
    Walk(Bytes message, std::size_t offset)
        : message_(message), at_(offset), part_start_(offset), start_(offset) {}

    // False at the end, of whatever kind.
    bool next(Bytes& label) {
      while (at_ < message_.size()) {
        const std::size_t length = message_[at_];
        if (length == 0) return finish(at_ + 1);
        if (length >= 0xc0) {
          if (!jump()) return false;
          continue;
        }
        if (length > 63 || length > message_.size() - at_ - 1) return false;
        label = message_.subspan(at_ + 1, length);
        at_ += length + 1;
        return true;
      }
      return false;
    }
    bool well_formed() const { return well_formed_; }
    std::size_t size_in_place() const { return size_; }

   private:
    bool jump() {
      if (message_.size() - at_ < 2) return false;
      const std::size_t target = load_be16(message_.data() + at_) & 0x3fffu;
      if (target < message_header || target >= part_start_ || ++jumps_ > max_jumps) return false;
      if (size_ == 0) size_ = at_ + 2 - start_;
      at_ = target;
      part_start_ = target;
      return true;
    }
    bool finish(std::size_t end) {
      if (size_ == 0) size_ = end - start_;
      well_formed_ = true;
      return false;
    }
    Bytes message_;
    std::size_t at_;
    std::size_t part_start_;  // where the labels since the last pointer began
    std::size_t start_;
    std::size_t size_ = 0;
    std::size_t jumps_ = 0;
    bool well_formed_ = false;
  };

  static char* write_byte(std::uint8_t byte, char* out) {
    if (byte == '.' || byte == '\\') *out++ = '\\';
    if (byte > ' ' && byte <= '~') {
      *out++ = static_cast<char>(byte);
      return out;
    }
    *out++ = '\\';
    *out++ = static_cast<char>('0' + byte / 100);
    *out++ = static_cast<char>('0' + byte / 10 % 10);
    *out++ = static_cast<char>('0' + byte % 10);
    return out;
  }

  Bytes message_;
  std::size_t offset_ = 0;
  std::size_t size_ = 0;
};

/// One entry of the question section: a view.
class DnsQuestion {
 public:
  static constexpr std::size_t fixed_size = 4;

  /// "example.org", "." for the root. Allocates; see DnsName::write for a way that does not.
  std::string name() const { return name_.text(); }
  const DnsName& encoded_name() const { return name_; }
  std::uint16_t type() const { return type_; }
  std::uint16_t klass() const { return klass_; }

 private:
  template <class>
  friend class DnsSection;

  static std::optional<DnsQuestion> at(Bytes message, std::size_t offset, std::size_t& end) {
    const auto name = DnsName::at(message, offset);
    if (!name) return std::nullopt;
    const std::size_t fixed = offset + name->size_in_place();
    if (message.size() - fixed < fixed_size) return std::nullopt;
    DnsQuestion question;
    question.name_ = *name;
    question.type_ = load_be16(message.data() + fixed);
    question.klass_ = load_be16(message.data() + fixed + 2);
    end = fixed + fixed_size;
    return question;
  }
  DnsName name_;
  std::uint16_t type_ = 0;
  std::uint16_t klass_ = 0;
};

/// One resource record: a view.
class DnsRecord {
 public:
  static constexpr std::size_t fixed_size = 10;

  /// As DnsQuestion::name.
  std::string name() const { return name_.text(); }
  const DnsName& encoded_name() const { return name_; }
  std::uint16_t type() const { return type_; }
  std::uint16_t klass() const { return klass_; }
  /// Seconds.
  std::uint32_t ttl() const { return ttl_; }
  Bytes data() const { return message_.subspan(data_, data_size_); }
  /// Of an A or AAAA record with data of the right length.
  std::optional<IpAddress> address() const {
    if (type_ == dns_type::a && data_size_ == 4) return IpAddress::v4(message_.data() + data_);
    if (type_ == dns_type::aaaa && data_size_ == 16) return IpAddress::v6(message_.data() + data_);
    return std::nullopt;
  }
  /// The name that an NS, CNAME, PTR, MX or SRV record points to.
  std::optional<DnsName> target() const {
    std::size_t before = 0;
    switch (type_) {
      case dns_type::ns:
      case dns_type::cname:
      case dns_type::ptr: break;
      case dns_type::mx: before = 2; break;
      case dns_type::srv: before = 6; break;
      default: return std::nullopt;
    }
    if (before >= data_size_) return std::nullopt;
    // Cut at the end of the data: a name may point back out of it, but not run on behind it.
    return DnsName::at(message_.first(data_ + data_size_), data_ + before);
  }

 private:
  template <class>
  friend class DnsSection;

  static std::optional<DnsRecord> at(Bytes message, std::size_t offset, std::size_t& end) {
    const auto name = DnsName::at(message, offset);
    if (!name) return std::nullopt;
    const std::size_t fixed = offset + name->size_in_place();
    if (message.size() - fixed < fixed_size) return std::nullopt;
    const std::uint8_t* p = message.data() + fixed;
    DnsRecord record;
    record.message_ = message;
    record.name_ = *name;
    record.type_ = load_be16(p);
    record.klass_ = load_be16(p + 2);
    record.ttl_ = load_be32(p + 4);
    record.data_size_ = load_be16(p + 8);
    record.data_ = fixed + fixed_size;
    if (message.size() - record.data_ < record.data_size_) return std::nullopt;
    end = record.data_ + record.data_size_;
    return record;
  }
  Bytes message_;
  DnsName name_;
  std::size_t data_ = 0;
  std::size_t data_size_ = 0;
  std::uint32_t ttl_ = 0;
  std::uint16_t type_ = 0;
  std::uint16_t klass_ = 0;
};

/// The questions or the records of one section, for a range-based for. Ends after the number that the header
/// states, or before the first that is malformed or cut. Decodes an element when the walk comes to it; copies
/// are views of the same message.
template <class Element>
class DnsSection {
 public:
  class Iterator {
   public:
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(Bytes message, std::size_t offset, std::uint16_t count)
        : message_(message), end_(offset), left_(count) {
      read();
    }
    const Element& operator*() const { return element_; }
    const Element* operator->() const { return &element_; }
    Iterator& operator++() {
      --left_;
      read();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

    bool well_formed() const { return well_formed_; }
    /// Where the bytes of what has been read end.
    std::size_t end_offset() const { return end_; }

   private:
    void read() {
      if (left_ == 0) return;
      if (const auto element = Element::at(message_, end_, end_)) {
        element_ = *element;
      } else {
        left_ = 0;
        well_formed_ = false;
      }
    }
    Bytes message_;
    Element element_;
    std::size_t end_ = 0;
    std::uint16_t left_ = 0;
    bool well_formed_ = true;
  };

  DnsSection(Bytes message, std::size_t offset, std::uint16_t count)
      : message_(message), offset_(offset), count_(count) {}

  Iterator begin() const { return Iterator(message_, offset_, count_); }
  Iterator end() const { return {}; }
  bool empty() const { return begin() == end(); }
  /// An element without a name and with zeros if the section is empty.
  Element front() const { return *begin(); }

 private:
  Bytes message_;
  std::size_t offset_;
  std::uint16_t count_;
};

/// A view of a DNS message. Lifetime: that of the bytes; questions, records and names are views of the same
/// bytes.
///
///     const auto dns = packet.dns();
///     if (dns && !dns->questions().empty()) return dns->questions().front().name();
///
/// Each section is found by walking those before it, so its cost is that of the bytes before it.
class DnsMessage {
 public:
  static constexpr std::size_t header_size = 12;

  /// Nullopt for fewer bytes than a header. Nothing behind the header is looked at.
  static std::optional<DnsMessage> at(Bytes bytes) {
    if (bytes.size() < header_size) return std::nullopt;
    return DnsMessage(bytes);
  }
  std::uint16_t id() const { return load_be16(bytes_.data()); }
  /// Bytes 2 and 3: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode.
  std::uint16_t flags() const { return load_be16(bytes_.data() + 2); }
  bool is_response() const { return (flags() & 0x8000) != 0; }
  std::uint8_t opcode() const { return static_cast<std::uint8_t>(flags() >> 11 & 0xf); }
  bool is_authoritative() const { return (flags() & 0x0400) != 0; }
  bool is_truncated() const { return (flags() & 0x0200) != 0; }
  bool recursion_desired() const { return (flags() & 0x0100) != 0; }
  bool recursion_available() const { return (flags() & 0x0080) != 0; }
  /// The four bits of the header; EDNS's upper bits (RFC 6891) are not added.
  std::uint8_t rcode() const { return static_cast<std::uint8_t>(flags() & 0xf); }

  // As the header states them, there or not.
  std::uint16_t question_count() const { return load_be16(bytes_.data() + 4); }
  std::uint16_t answer_count() const { return load_be16(bytes_.data() + 6); }
  std::uint16_t authority_count() const { return load_be16(bytes_.data() + 8); }
  std::uint16_t additional_count() const { return load_be16(bytes_.data() + 10); }

  DnsSection<DnsQuestion> questions() const { return {bytes_, header_size, question_count()}; }
  DnsSection<DnsRecord> answers() const { return records_behind(questions(), answer_count()); }
  DnsSection<DnsRecord> authorities() const { return records_behind(answers(), authority_count()); }
  DnsSection<DnsRecord> additionals() const { return records_behind(authorities(), additional_count()); }

  /// The whole message parses: every section has as many entries as the header states, and each lies within
  /// the bytes. What is behind the last of them is tolerated, as resolvers do; so is any content of a
  /// record's data.
  bool well_formed() const {
    std::size_t offset = header_size;
    return walk(questions(), offset) && walk(DnsSection<DnsRecord>(bytes_, offset, answer_count()), offset) &&
           walk(DnsSection<DnsRecord>(bytes_, offset, authority_count()), offset) &&
           walk(DnsSection<DnsRecord>(bytes_, offset, additional_count()), offset);
  }
  Bytes bytes() const { return bytes_; }

 private:
  explicit DnsMessage(Bytes bytes) : bytes_(bytes) {}

  // To the end of a section. False if it is malformed.
  template <class Section>
  static bool walk(const Section& section, std::size_t& offset) {
    auto i = section.begin();
    while (!(i == section.end())) ++i;
    offset = i.end_offset();
    return i.well_formed();
  }
  // Nothing is found behind a malformed section.
  template <class Section>
  DnsSection<DnsRecord> records_behind(const Section& section, std::uint16_t count) const {
    std::size_t offset = 0;
    const bool found = walk(section, offset);
    return {bytes_, offset, found ? count : std::uint16_t{0}};
  }
  Bytes bytes_;
};

}  // namespace spiderling
