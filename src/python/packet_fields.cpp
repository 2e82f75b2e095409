#include "python/packet_fields.h"

#include <arpa/inet.h>

#include <array>

#include "python/scapy_bridge.h"
#include "spiderling/headers/dns.h"

namespace spiderling::python {

namespace {

PyObject* number(std::uint32_t value) { return PyLong_FromUnsignedLong(value); }

// Whole bytes of a header.
template <std::uint32_t Offset>
PyObject* u8(const LayerObject& layer) {
  return number(layer.bytes()[Offset]);
}
template <std::uint32_t Offset>
PyObject* u16(const LayerObject& layer) {
  return number(load_be16(layer.bytes() + Offset));
}
template <std::uint32_t Offset>
PyObject* u32(const LayerObject& layer) {
  return number(load_be32(layer.bytes() + Offset));
}
// Bits of the two bytes at an offset.
template <std::uint32_t Offset, unsigned Shift, unsigned Mask>
PyObject* bits(const LayerObject& layer) {
  return number(static_cast<std::uint32_t>(load_be16(layer.bytes() + Offset) >> Shift) & Mask);
}

template <std::uint32_t Offset>
PyObject* mac(const LayerObject& layer) {
  static constexpr char digits[] = "0123456789abcdef";
  char text[17];
  for (std::size_t i = 0; i < 6; ++i) {
    const std::uint8_t byte = layer.bytes()[Offset + i];
    text[3 * i] = digits[byte >> 4];
    text[3 * i + 1] = digits[byte & 15];
    if (i < 5) text[3 * i + 2] = ':';
  }
  return PyUnicode_FromStringAndSize(text, sizeof text);
}

template <int Family, std::uint32_t Offset>
PyObject* address(const LayerObject& layer) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(Family, layer.bytes() + Offset, text, sizeof text) == nullptr) text[0] = '\0';
  return PyUnicode_FromString(text);
}

PyObject* all_bytes(const LayerObject& layer) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(layer.bytes()),
                                   static_cast<Py_ssize_t>(layer.span().end - layer.span().begin));
}

PyObject* cooked_source(const LayerObject& layer) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(layer.bytes() + 6), 8);
}

PyObject* ip_flags(const LayerObject& layer) {
  static PyObject* const names = Py_BuildValue("[sss]", "MF", "DF", "evil");
  return new_flag_value(load_be16(layer.bytes() + 6) >> 13, names);
}
PyObject* ip_options(const LayerObject& layer) {
  const bool none = layer.span().end - layer.span().begin == 20;
  return none ? PyList_New(0) : nullptr;
}

PyObject* tcp_flags(const LayerObject& layer) {
  static PyObject* const names = PyUnicode_FromString("FSRPAUECN");
  return new_flag_value(load_be16(layer.bytes() + 12) & 0x1ffu, names);
}

// (name, value) of an option of a known kind and length; nullptr without an exception for any other.
PyObject* tcp_option(Bytes option) {
  const std::uint8_t* p = option.data();
  switch (option.size() << 8 | p[0]) {
    case 4 << 8 | 2: return Py_BuildValue("(si)", "MSS", load_be16(p + 2));
    case 3 << 8 | 3: return Py_BuildValue("(si)", "WScale", p[2]);
    case 2 << 8 | 4: return Py_BuildValue("(sy)", "SAckOK", "");
    case 10 << 8 | 8:
      return Py_BuildValue("(s(kk))", "Timestamp", static_cast<unsigned long>(load_be32(p + 2)),
                           static_cast<unsigned long>(load_be32(p + 6)));
    default: return nullptr;
  }
}

PyObject* tcp_options(const LayerObject& layer) {
  Bytes rest(layer.bytes() + 20, layer.span().end - layer.span().begin - 20);
  Ref list(PyList_New(0));
  while (list && !rest.empty()) {
    std::size_t size = 1;
    Ref option;
    if (rest[0] <= 1) {
      option = Ref(Py_BuildValue("(sO)", rest[0] == 0 ? "EOL" : "NOP", Py_None));
    } else {
      if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) return nullptr;
      size = rest[1];
      option = Ref(tcp_option(rest.first(size)));
    }
    if (!option || PyList_Append(list.get(), option.get()) != 0) return nullptr;
    if (rest[0] == 0) break;
    rest = rest.subspan(size);
  }
  return list.release();
}

PyObject* empty_bytes(const LayerObject& /*layer*/) { return PyBytes_FromStringAndSize(nullptr, 0); }

PyObject* question_or_none(const LayerObject& layer) {
  if (layer.box->layers.question_count == 0) return Py_NewRef(Py_None);
  return new_layer(layer.box, LayerKind::DNSQR, 0);
}
template <std::uint32_t CountOffset>
PyObject* records_or_none(const LayerObject& layer) {
  return load_be16(layer.bytes() + CountOffset) == 0 ? Py_NewRef(Py_None) : nullptr;
}

// The message that a question stands in, and where.
struct PlacedQuestion {
  Bytes message;
  std::size_t offset;
};
PlacedQuestion placed(const LayerObject& question) {
  const ScapyLayers& layers = question.box->layers;
  for (std::size_t i = 0; i < layers.count; ++i) {
    const LayerSpan& span = layers.spans[i];
    if (span.kind == LayerKind::DNS)
      return {question.box->data.subspan(span.begin, span.end - span.begin),
              layers.questions[question.index] - span.begin};
  }
  return {};
}

// Labels as they are, each with a dot behind it: not the text of master files. That each name is whole was
// seen when the layers were found.
PyObject* question_name(const LayerObject& layer) {
  const PlacedQuestion question = placed(layer);
  char text[256];
  std::size_t size = 0;
  std::size_t at = question.offset;
  while (at < question.message.size() && question.message[at] != 0) {
    const std::size_t length = question.message[at];
    if (length >= 0xc0) {
      at = load_be16(question.message.data() + at) & 0x3fffu;
      continue;
    }
    std::memcpy(text + size, question.message.data() + at + 1, length);
    size += length;
    text[size++] = '.';
    at += length + 1;
  }
  if (size == 0) text[size++] = '.';
  return PyBytes_FromStringAndSize(text, static_cast<Py_ssize_t>(size));
}
template <std::size_t Behind>
PyObject* question_number(const LayerObject& layer) {
  const PlacedQuestion question = placed(layer);
  const auto name = DnsName::at(question.message, question.offset);
  if (!name) return nullptr;
  return number(load_be16(question.message.data() + question.offset + name->size_in_place() + Behind));
}

template <std::size_t N>
using Fields = std::array<LayerField, N>;

Fields<3> ether = {{{"dst", mac<0>}, {"src", mac<6>}, {"type", u16<12>}}};
Fields<4> dot1q = {
    {{"prio", bits<0, 13, 7>}, {"id", bits<0, 12, 1>}, {"vlan", bits<0, 0, 0xfff>}, {"type", u16<2>}}};
Fields<5> cooked = {{{"pkttype", u16<0>},
                     {"lladdrtype", u16<2>},
                     {"lladdrlen", u16<4>},
                     {"src", cooked_source},
                     {"proto", u16<14>}}};
Fields<13> ip = {{{"options", ip_options},
                  {"version", bits<0, 12, 15>},
                  {"ihl", bits<0, 8, 15>},
                  {"tos", u8<1>},
                  {"len", u16<2>},
                  {"id", u16<4>},
                  {"flags", ip_flags},
                  {"frag", bits<6, 0, 0x1fff>},
                  {"ttl", u8<8>},
                  {"proto", u8<9>},
                  {"chksum", u16<10>},
                  {"src", address<AF_INET, 12>},
                  {"dst", address<AF_INET, 16>}}};
PyObject* flow_label(const LayerObject& layer) { return number(load_be32(layer.bytes()) & 0xfffff); }
Fields<8> ip6 = {{{"version", bits<0, 12, 15>},
                  {"tc", bits<0, 4, 255>},
                  {"fl", flow_label},
                  {"plen", u16<4>},
                  {"nh", u8<6>},
                  {"hlim", u8<7>},
                  {"src", address<AF_INET6, 8>},
                  {"dst", address<AF_INET6, 24>}}};
Fields<9> arp = {{{"hwtype", u16<0>},
                  {"ptype", u16<2>},
                  {"hwlen", u8<4>},
                  {"plen", u8<5>},
                  {"op", u16<6>},
                  {"hwsrc", mac<8>},
                  {"psrc", address<AF_INET, 14>},
                  {"hwdst", mac<18>},
                  {"pdst", address<AF_INET, 24>}}};
Fields<11> tcp = {{{"sport", u16<0>},
                   {"dport", u16<2>},
                   {"seq", u32<4>},
                   {"ack", u32<8>},
                   {"dataofs", bits<12, 12, 15>},
                   {"reserved", bits<12, 9, 7>},
                   {"flags", tcp_flags},
                   {"window", u16<14>},
                   {"chksum", u16<16>},
                   {"urgptr", u16<18>},
                   {"options", tcp_options}}};
Fields<4> udp = {{{"sport", u16<0>}, {"dport", u16<2>}, {"len", u16<4>}, {"chksum", u16<6>}}};
Fields<6> icmp = {{{"type", u8<0>},
                   {"code", u8<1>},
                   {"chksum", u16<2>},
                   {"id", u16<4>},
                   {"seq", u16<6>},
                   {"unused", empty_bytes}}};
Fields<19> dns = {{{"id", u16<0>},
                   {"qr", bits<2, 15, 1>},
                   {"opcode", bits<2, 11, 15>},
                   {"aa", bits<2, 10, 1>},
                   {"tc", bits<2, 9, 1>},
                   {"rd", bits<2, 8, 1>},
                   {"ra", bits<2, 7, 1>},
                   {"z", bits<2, 6, 1>},
                   {"ad", bits<2, 5, 1>},
                   {"cd", bits<2, 4, 1>},
                   {"rcode", bits<2, 0, 15>},
                   {"qdcount", u16<4>},
                   {"ancount", u16<6>},
                   {"nscount", u16<8>},
                   {"arcount", u16<10>},
                   {"qd", question_or_none},
                   {"an", records_or_none<6>},
                   {"ns", records_or_none<8>},
                   {"ar", records_or_none<10>}}};
Fields<1> raw = {{{"load", all_bytes}}};
Fields<1> padding = {{{"load", all_bytes}}};
Fields<3> question = {
    {{"qname", question_name}, {"qtype", question_number<0>}, {"qclass", question_number<2>}}};

struct KindEntry {
  const char* class_name;
  const char* display_name;
  std::span<LayerField> fields;
};
// In the order of LayerKind.
const std::array<KindEntry, layer_kinds> kinds = {{{"Ether", "Ethernet", ether},
                                                   {"Dot1Q", "802.1Q", dot1q},
                                                   {"CookedLinux", "cooked linux", cooked},
                                                   {"IP", "IP", ip},
                                                   {"IPv6", "IPv6", ip6},
                                                   {"ARP", "ARP", arp},
                                                   {"TCP", "TCP", tcp},
                                                   {"UDP", "UDP", udp},
                                                   {"ICMP", "ICMP", icmp},
                                                   {"DNS", "DNS", dns},
                                                   {"Raw", "Raw", raw},
                                                   {"Padding", "Padding", padding},
                                                   {"DNSQR", "DNS Question Record", question},
                                                   {"Packet", "Packet", {}}}};

const KindEntry& entry(LayerKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

}  // namespace

std::span<const LayerField> fields_of(LayerKind kind) { return entry(kind).fields; }
const char* display_name(LayerKind kind) { return entry(kind).display_name; }
const char* class_name(LayerKind kind) { return entry(kind).class_name; }

bool intern_field_names() {
  for (const KindEntry& kind : kinds) {
    for (LayerField& field : kind.fields) {
      field.interned = PyUnicode_InternFromString(field.name);
      if (field.interned == nullptr) return false;
    }
  }
  return true;
}

}  // namespace spiderling::python
