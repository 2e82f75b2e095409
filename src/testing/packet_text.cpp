#include "testing/packet_text.h"

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "base/nearest.h"
#include "spiderling/builder.h"
#include "spiderling/dns_builder.h"

namespace spiderling::testing {
namespace {

constexpr std::size_t most_bytes = 65'600;  // the longest IP packet, with its link header

template <class... Args>
[[noreturn]] void wrong(fmt::format_string<Args...> format, Args&&... args) {
  throw std::invalid_argument(fmt::format(format, std::forward<Args>(args)...));
}

// Words apart by spaces; what is between quotes belongs together.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, begun = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
      begun = true;
    } else if ((c == ' ' || c == '\t') && !quoted) {
      if (begun) words.push_back(std::exchange(word, {}));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (quoted) wrong("a quote is not closed");
  if (begun) words.push_back(word);
  return words;
}

std::uint64_t number(std::string_view name, std::string_view text, std::uint64_t most) {
  const bool hexadecimal = text.starts_with("0x");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (problem != std::errc() || end != digits.data() + digits.size() || digits.empty())
    wrong("{}: '{}' is no number", name, text);
  if (value > most) wrong("{}: {} is more than {}", name, value, most);
  return value;
}

std::vector<std::uint8_t> bytes_of_hex(std::string_view name, std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto [end, problem] =
        std::from_chars(text.data() + i, text.data() + std::min(i + 2, text.size()), byte, 16);
    if (problem != std::errc() || end != text.data() + i + 2)
      wrong("{}: '{}' are no whole bytes in hex", name, text);
    bytes.push_back(byte);
  }
  return bytes;
}

// NAME and NAME=VALUE; each is asked for once, and what nobody asked for is an error.
class Options {
 public:
  void add(std::string_view word) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name(word.substr(0, equals));
    if (!values_.emplace(name, word.substr(std::min(equals + 1, word.size()))).second)
      wrong("'{}' is there twice", name);
  }
  bool flag(std::string_view name) { return text(name).has_value(); }
  std::optional<std::string> text(std::string_view name) {
    known_.push_back(name);
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    std::string value = std::move(found->second);
    values_.erase(found);
    return value;
  }
  template <class T>
  T value(std::string_view name, T otherwise, std::uint64_t most = std::numeric_limits<T>::max()) {
    const auto given = text(name);
    return given ? static_cast<T>(number(name, *given, most)) : otherwise;
  }
  void all_known() const {
    if (values_.empty()) return;
    const std::string& name = values_.begin()->first;
    wrong("there is no option '{}' here; {}", name, did_you_mean(name, known_));
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string_view> known_;
};

struct End {
  IpAddress address;
  std::optional<std::uint16_t> port;
};

End end_of(std::string_view word, const EndNames& names) {
  if (const auto named = names.find(word); named != names.end()) word = named->second;
  std::string_view address = word, port;
  if (word.starts_with('[')) {
    const std::size_t close = word.find(']');
    if (close == word.npos) wrong("'{}' has no ]", word);
    address = word.substr(1, close - 1);
    port = word.substr(close + 1);
    if (!port.empty() && port.front() != ':') wrong("'{}' is no [ADDRESS]:PORT", word);
    if (!port.empty()) port.remove_prefix(1);
  } else if (word.find(':') == word.rfind(':') && word.find(':') != word.npos) {
    address = word.substr(0, word.find(':'));
    port = word.substr(word.find(':') + 1);
  }
  const auto parsed = IpAddress::parse(address);
  if (!parsed)
    wrong("'{}' is no ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT, and no name that a `let` has given", word);
  End end{*parsed, std::nullopt};
  if (!port.empty()) end.port = static_cast<std::uint16_t>(number("port", port, 65'535));
  return end;
}

std::vector<std::uint8_t> dns_message(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view kind = text.substr(0, colon), name = text.substr(std::min(colon + 1, text.size()));
  const bool response = kind == "response";
  if ((!response && kind != "query") || name.empty())
    wrong("dns: '{}' is no query:NAME or response:NAME", text);
  DnsBuffer<1024> message;
  message.header(0x1234,
                 response ? dns_flag::response | dns_flag::recursion_desired | dns_flag::recursion_available
                          : dns_flag::recursion_desired);
  message.question(name, dns_type::a);
  const std::array<std::uint8_t, 4> address{192, 0, 2, 1};
  if (response) message.record(DnsBuilder::Section::answer, name, dns_type::a, 300, address);
  const auto bytes = message.finish();
  if (!bytes) wrong("dns: '{}' is no name of DNS", name);
  return {bytes->begin(), bytes->end()};
}

std::vector<std::uint8_t> payload_of(Options& options, bool over_tcp) {
  std::vector<std::uint8_t> bytes(options.value<std::size_t>("len", 0, 65'535), 'x');
  if (const auto text = options.text("text")) bytes.assign(text->begin(), text->end());
  if (const auto hex = options.text("hex")) bytes = bytes_of_hex("hex", *hex);
  if (const auto dns = options.text("dns")) {
    bytes = dns_message(*dns);
    const std::uint8_t length[] = {static_cast<std::uint8_t>(bytes.size() >> 8),
                                   static_cast<std::uint8_t>(bytes.size())};
    if (over_tcp)
      bytes.insert(bytes.begin(), std::begin(length), std::end(length));  // RFC 1035, section 4.2.2
  }
  return bytes;
}

std::uint8_t tcp_flags(std::string_view letters) {
  static constexpr std::string_view known = "FSRPAUEC";  // in the order of their bits
  std::uint8_t flags = 0;
  for (const char letter : letters) {
    const std::size_t bit = known.find(letter);
    if (bit == known.npos) wrong("'{}' are no flags of TCP; there are {}", letters, known);
    flags = static_cast<std::uint8_t>(flags | 1u << bit);
  }
  return flags;
}

OptionBytes tcp_options(Options& options) {
  OptionBytes all;
  const auto add = [&](const OptionBytes& one) { all.append(one.bytes()); };
  if (const auto mss = options.text("mss"))
    add(tcp_option::mss(static_cast<std::uint16_t>(number("mss", *mss, 65'535))));
  if (options.flag("sack")) add(tcp_option::sack_permitted());
  if (options.flag("ts")) add(tcp_option::timestamps(1, 0));
  if (const auto shift = options.text("ws"))
    add(tcp_option::window_scale(static_cast<std::uint8_t>(number("ws", *shift, 255))));
  if (const auto cookie = options.text("tfo")) add(tcp_option::fast_open(bytes_of_hex("tfo", *cookie)));
  if (const auto more = options.text("opts")) all.append(bytes_of_hex("opts", *more));
  if (all.cut()) wrong("more than 40 bytes of TCP options");
  return all;
}

// The parts of `A > B icmp 3/1 { QUOTED } OPTION...`
struct Parts {
  std::vector<std::string> words;
  std::optional<std::string> quoted;
};
Parts parts_of(std::string_view text) {
  Parts parts;
  std::string plain(text);
  const std::size_t open = text.find('{');
  if (open != text.npos) {
    const std::size_t close = text.rfind('}');
    if (close == text.npos || close < open) wrong("a {{ is not closed");
    parts.quoted = std::string(text.substr(open + 1, close - open - 1));
    plain = fmt::format("{} {}", text.substr(0, open), text.substr(close + 1));
  }
  parts.words = words_of(plain);
  return parts;
}

class LineReader {
 public:
  LineReader(std::string_view text, const EndNames& names) : names_(names), parts_(parts_of(text)) {
    const auto& words = parts_.words;
    if (words.size() < 4 || words[1] != ">") wrong("a packet is SOURCE > DESTINATION PROTOCOL ...");
    source_ = end_of(words[0], names);
    destination_ = end_of(words[2], names);
    if (source_.address.version != destination_.address.version)
      wrong("the two ends are of different IP versions");
    protocol_ = words[3];
    std::size_t next = 4;
    const bool has_kind =
        (protocol_ == "tcp" || protocol_ == "icmp") && words.size() > 4 && is_kind(words[4]);
    if (has_kind) kind_ = words[next++];
    for (; next < words.size(); ++next) options_.add(words[next]);
  }

  TextPacket frame() {
    auto& packet = buffer_->ethernet();
    if (const auto id = options_.text("vlan"))
      packet.vlan({.id = static_cast<std::uint16_t>(number("vlan", *id, 4095))});
    const auto snap = options_.text("snap");
    const Bytes bytes = datagram();
    TextPacket made{{bytes.begin(), bytes.end()}, 0};
    if (!snap) return made;
    made.wire_length = static_cast<std::uint32_t>(bytes.size());
    made.frame.resize(std::min<std::size_t>(made.frame.size(), number("snap", *snap, most_bytes)));
    return made;
  }

  // Everything from the IP header on.
  Bytes datagram() {
    add_ip();
    add_transport();
    options_.all_known();
    const auto bytes = buffer_->finish();
    if (!bytes) wrong("it cannot be built: {}", describe(bytes.error()));
    return *bytes;
  }

 private:
  // Flags of TCP are capitals, types of ICMP are digits, and options begin with a small letter.
  static bool is_kind(std::string_view word) { return !(word.front() >= 'a' && word.front() <= 'z'); }
  bool v4() const { return source_.address.version == IpVersion::v4; }

  void add_ip() {
    const auto dscp = options_.value<std::uint8_t>("dscp", 0, 63);
    const auto ttl = options_.value<std::uint8_t>("ttl", 64);
    const Ecn ecn = ecn_mark();
    const auto protocol =
        protocol_ == "ip" ? std::optional(options_.value<std::uint8_t>("proto", 255)) : std::nullopt;
    if (!v4()) {
      buffer_->ip6({.source = source_.address,
                    .destination = destination_.address,
                    .dscp = dscp,
                    .ecn = ecn,
                    .hop_limit = ttl,
                    .next_header = protocol});
      return;
    }
    buffer_->ip4({.source = source_.address,
                  .destination = destination_.address,
                  .dscp = dscp,
                  .ecn = ecn,
                  .identification = options_.value<std::uint16_t>("id", 7),
                  .reserved_flag = options_.flag("evil"),
                  .dont_fragment = options_.flag("df"),
                  .ttl = ttl,
                  .protocol = protocol});
  }
  Ecn ecn_mark() {
    const auto given = options_.text("ecn");
    if (!given) return Ecn::not_ect;
    if (*given == "ect0") return Ecn::ect0;
    if (*given == "ect1") return Ecn::ect1;
    if (*given == "ce") return Ecn::ce;
    wrong("ecn: '{}' is none of ect0, ect1, ce", *given);
  }

  void add_transport() {
    if (parts_.quoted && protocol_ != "icmp") wrong("only an ICMP error quotes a packet");
    if (protocol_ == "tcp") return add_tcp();
    if (protocol_ == "udp") return add_udp();
    if (protocol_ == "icmp") return add_icmp();
    if (protocol_ != "ip") wrong("there is no protocol '{}'; there are tcp, udp, icmp, ip", protocol_);
    buffer_->payload(payload_of(options_, false));
  }
  std::uint16_t port(const End& end) const {
    if (!end.port) wrong("{} goes from port to port: ADDRESS:PORT, [ADDRESS]:PORT", protocol_);
    return *end.port;
  }
  void add_tcp() {
    const auto payload = payload_of(options_, true);
    buffer_->tcp({.source_port = port(source_),
                  .destination_port = port(destination_),
                  .sequence = options_.value<std::uint32_t>("seq", 1000),
                  .acknowledgement = options_.value<std::uint32_t>("ack", 0),
                  .flags = tcp_flags(kind_),
                  .window = options_.value<std::uint16_t>("window", 65'535)},
                 {tcp_options(options_)});
    buffer_->payload(payload);
  }
  void add_udp() {
    UdpFields fields{.source_port = port(source_), .destination_port = port(destination_)};
    if (options_.flag("zero")) fields.checksum = 0;
    buffer_->udp(fields).payload(payload_of(options_, false));
  }
  void add_icmp() {
    const std::size_t slash = std::min(kind_.find('/'), kind_.size());
    const std::string_view kind(kind_);
    if (kind.empty()) wrong("icmp needs a type: icmp 8, icmp 3/1");
    IcmpFields fields{.type = static_cast<std::uint8_t>(number("type", kind.substr(0, slash), 255))};
    if (slash < kind.size())
      fields.code = static_cast<std::uint8_t>(number("code", kind.substr(slash + 1), 255));
    v4() ? buffer_->icmp4(fields) : buffer_->icmp6(fields);
    if (!parts_.quoted) {
      buffer_->payload(payload_of(options_, false));
      return;
    }
    LineReader quoted(*parts_.quoted, names_);
    buffer_->quote(quoted.datagram());
  }

  const EndNames& names_;
  Parts parts_;
  End source_, destination_;
  std::string protocol_, kind_;
  Options options_;
  std::unique_ptr<PacketBuffer<most_bytes>> buffer_ = std::make_unique<PacketBuffer<most_bytes>>();
};

// `frame hex=...`: bytes as they are.
TextPacket raw_frame(std::string_view text) {
  Options options;
  const auto words = words_of(text);
  for (std::size_t i = 1; i < words.size(); ++i) options.add(words[i]);
  const auto hex = options.text("hex");
  options.all_known();
  if (!hex) wrong("a frame has bytes: frame hex=0123...");
  return {bytes_of_hex("hex", *hex), 0};
}

}  // namespace

TextPacket packet_of_text(std::string_view text, const EndNames& names) {
  if (text == "frame" || text.starts_with("frame ")) return raw_frame(text);
  return LineReader(text, names).frame();
}

}  // namespace spiderling::testing
