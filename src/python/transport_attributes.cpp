// Attributes of TCP, UDP, ICMP and SCTP headers.
#include <Python.h>

#include <structseq.h>

#include "python/header_object.h"
#include "python/ref.h"

namespace spiderling::python {

namespace {

template <std::size_t Offset>
PyObject* be16(PyObject* self, void*) {
  const std::uint8_t* p = need(self, Offset + 2, "this field");
  return p == nullptr ? nullptr : new_number(load_be16(p + Offset));
}
template <std::size_t Offset>
PyObject* be32(PyObject* self, void*) {
  const std::uint8_t* p = need(self, Offset + 4, "this field");
  return p == nullptr ? nullptr : new_number(load_be32(p + Offset));
}
template <std::size_t Offset>
PyObject* byte(PyObject* self, void*) {
  const std::uint8_t* p = need(self, Offset + 1, "this field");
  return p == nullptr ? nullptr : new_number(p[Offset]);
}

// --- TCP.
PyObject* doff(PyObject* self, void*) {
  const std::uint8_t* p = need(self, 13, "doff");
  return p == nullptr ? nullptr : new_number(p[12] >> 4);
}
PyObject* flags(PyObject* self, void*) {
  const std::uint8_t* p = need(self, 14, "flags");
  return p == nullptr ? nullptr : new_number(load_be16(p + 12) & 0xfffu);
}
template <std::uint8_t Flag>
PyObject* flag(PyObject* self, void*) {
  const std::uint8_t* p = need(self, 14, "flags");
  return p == nullptr ? nullptr : new_bool((p[13] & Flag) != 0);
}
PyObject* transport_payload(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  const Packet& packet = h->packet();
  if (packet.payload_length() == 0) return none();
  return new_object(HeaderKind::data, h->held, packet.payload(), packet.payload_length());
}
TcpOptions options_of(PyObject* self) {
  const auto tcp = header_of(self)->packet().tcp();
  return tcp ? tcp->options() : TcpOptions({});
}
PyObject* options_data(PyObject* self, void*) {
  const Bytes bytes = options_of(self).bytes();
  return bytes.empty() ? new_bool(false) : new_bytearray(bytes);
}
PyObject* option_numbers(PyObject* self, void*) {
  std::uint8_t numbers[40];
  std::size_t count = 0;
  const TcpOptions options = options_of(self);
  if (options.empty()) return new_bool(false);
  for (const TcpOption& option : options) numbers[count++] = option.kind;
  return new_bytearray({numbers, count});
}
PyObject* option(PyObject* self, PyObject* argument) {
  const long number = PyLong_AsLong(argument);
  if (number == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (number < 2 || number > 255) return fail(PyExc_ValueError, "TCP option number < 2 or > 255");
  const auto found = options_of(self).find(static_cast<TcpOptionKind>(number));
  if (!found) return new_bool(false);
  return found->data.empty() ? new_bool(true) : new_bytearray(found->data);
}

// --- ICMP. Eight bytes are there. What belongs to some types only is asked of a part in the original
// (icmp.echo.ident): here each part is the message itself.
PyObject* part(PyObject* self, void*) { return Py_NewRef(self); }
PyObject* icmp_payload(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  if (h->packet().icmp()->is_error()) return new_quotation(h->held);
  return new_bytearray({h->bytes() + IcmpHeader::size, h->captured - IcmpHeader::size});
}
PyObject* gateway(PyObject* self, void*) { return new_prefix(IpAddress::v4(header_of(self)->bytes() + 4)); }
template <std::size_t Offset>
PyObject* neighbour_prefix(PyObject* self, void*) {
  const std::uint8_t* p = need(self, Offset + 16, "an address");
  return p == nullptr ? nullptr : new_prefix(IpAddress::v6(p + Offset));
}

// --- SCTP: chunks (RFC 9260, section 3.2) as tuples with names.
struct Chunk {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint16_t length;
  Bytes value;
  bool whole;
};
PyObject* new_chunk(const Chunk& chunk) {
  static PyTypeObject* type = nullptr;
  if (type == nullptr) {
    static PyStructSequence_Field fields[] = {{"type", nullptr},  {"flags", nullptr}, {"length", nullptr},
                                              {"is_ok", nullptr}, {"bytes", nullptr}, {nullptr, nullptr}};
    static PyStructSequence_Desc description = {"_spiderling.Chunk", "A chunk of an SCTP packet.", fields, 5};
    type = PyStructSequence_NewType(&description);
    if (type == nullptr) return nullptr;
  }
  PyObject* made = PyStructSequence_New(type);
  if (made == nullptr) return nullptr;
  PyStructSequence_SetItem(made, 0, new_number(chunk.type));
  PyStructSequence_SetItem(made, 1, new_number(chunk.flags));
  PyStructSequence_SetItem(made, 2, new_number(chunk.length));
  PyStructSequence_SetItem(made, 3, new_bool(chunk.whole));
  PyStructSequence_SetItem(made, 4, new_bytearray(chunk.value));
  if (PyErr_Occurred() != nullptr) Py_CLEAR(made);
  return made;
}
PyObject* chunks(PyObject* self, void*) {
  constexpr std::size_t chunk_header = 4;
  const HeaderObject* h = header_of(self);
  if (need(self, SctpHeader::size, "chunks") == nullptr) return nullptr;
  Bytes rest(h->bytes() + SctpHeader::size, h->captured - SctpHeader::size);
  PyObject* list = PyList_New(0);
  while (list != nullptr && rest.size() >= chunk_header) {
    const std::uint16_t length = load_be16(rest.data() + 2);
    if (length < chunk_header) break;  // malformed: where the next begins cannot be told
    const std::size_t there = std::min<std::size_t>(length, rest.size());
    PyObject* chunk = new_chunk(
        {rest[0], rest[1], length, rest.subspan(chunk_header, there - chunk_header), there == length});
    const int failed = chunk == nullptr ? -1 : PyList_Append(list, chunk);
    Py_XDECREF(chunk);
    if (failed != 0) {
      Py_CLEAR(list);
      break;
    }
    rest = rest.subspan(std::min(rest.size(), (std::size_t{length} + 3) & ~std::size_t{3}));
  }
  return list;
}

}  // namespace

PyGetSetDef tcp_attributes[] = {
    attribute("src_port", be16<0>, "source port"),
    attribute("dst_port", be16<2>, "destination port"),
    attribute("seq_nbr", be32<4>, "sequence number"),
    attribute("ack_nbr", be32<8>, "acknowledgement number"),
    attribute("doff", doff, "length of the header, in words of four bytes"),
    attribute("flags", flags, "the flags byte, and the four reserved bits above it"),
    attribute("cwr_flag", flag<tcp_flag::cwr>, "CWR is set"),
    attribute("ece_flag", flag<tcp_flag::ece>, "ECE is set"),
    attribute("urg_flag", flag<tcp_flag::urg>, "URG is set"),
    attribute("ack_flag", flag<tcp_flag::ack>, "ACK is set"),
    attribute("psh_flag", flag<tcp_flag::psh>, "PSH is set"),
    attribute("rst_flag", flag<tcp_flag::rst>, "RST is set"),
    attribute("syn_flag", flag<tcp_flag::syn>, "SYN is set"),
    attribute("fin_flag", flag<tcp_flag::fin>, "FIN is set"),
    attribute("window", be16<14>, "receive window, not scaled"),
    attribute("checksum", be16<16>, "of the segment"),
    attribute("urg_ptr", be16<18>, "urgent pointer"),
    attribute("options_data", options_data, "bytes of the options, a bytearray; False without any"),
    attribute("option_numbers", option_numbers, "kinds of the options, a bytearray; False without any"),
    attribute("payload", transport_payload, "the payload; None without any"),
    no_more_attributes,
};
PyMethodDef tcp_methods[] = {
    {"option", option, METH_O,
     "The value of an option, a bytearray; True if it has none; False if it is not there."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef udp_attributes[] = {
    attribute("src_port", be16<0>, "source port"),
    attribute("dst_port", be16<2>, "destination port"),
    attribute("len", be16<4>, "length of header and payload, as the header states it"),
    attribute("checksum", be16<6>, "of the datagram; 0: none"),
    attribute("payload", transport_payload, "the payload; None without any"),
    no_more_attributes,
};
PyGetSetDef icmp_attributes[] = {
    attribute("type", byte<0>, "message type"),
    attribute("code", byte<1>, "message code"),
    attribute("checksum", be16<2>, "of the message"),
    attribute("payload", icmp_payload,
              "of an error, the packet that it quotes (None if it quotes too little); else a bytearray"),
    attribute("echo", part, "echo request and reply: has ident and sequence"),
    attribute("redirect", part, "ICMPv4 redirect: has gateway"),
    attribute("toobig", part, "ICMPv6 packet too big: has mtu"),
    attribute("param", part, "ICMPv6 parameter problem: has pointer"),
    attribute("neighbour", part, "ICMPv6 neighbour discovery: has target_prefix and dest_prefix"),
    attribute("ident", be16<4>, "identifier of an echo"),
    attribute("sequence", be16<6>, "sequence number of an echo"),
    attribute("gateway", gateway, "of a redirect"),
    attribute("mtu", be32<4>, "of the next link"),
    attribute("pointer", be32<4>, "where the problem is"),
    attribute("target_prefix", neighbour_prefix<8>, "target address"),
    attribute("dest_prefix", neighbour_prefix<24>, "destination address of a redirect"),
    no_more_attributes,
};
PyGetSetDef sctp_attributes[] = {
    attribute("src_port", be16<0>, "source port"),
    attribute("dst_port", be16<2>, "destination port"),
    attribute("verification_tag", be32<4>, "verification tag"),
    attribute("checksum", be32<8>, "CRC32c, as it stands on the wire"),
    attribute("chunks", chunks, "the chunks, as far as captured"),
    no_more_attributes,
};

}  // namespace spiderling::python
