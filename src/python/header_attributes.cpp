// Attributes that every object of a packet has, and those of IP headers.
#include <Python.h>

#include <datetime.h>

#include "python/header_object.h"
#include "wire/checksum.h"

namespace spiderling::python {

namespace {

template <HeaderKind Kind>
PyObject* layer(PyObject* self, void*) {
  return new_header(Kind, header_of(self)->held);
}

PyObject* data(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  return new_bytearray({h->bytes(), h->captured});
}
PyObject* size(PyObject* self, void*) { return new_number(header_of(self)->size); }
PyObject* kind(PyObject* self, void*) {
  return PyUnicode_FromString(header_of(self)->kind == HeaderKind::packet ? "packet" : "copy");
}
PyObject* type(PyObject* self, void*) {
  const char* name = Py_TYPE(self)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return PyUnicode_FromString(dot == nullptr ? name : dot + 1);
}

PyObject* seconds(PyObject* self, void*) {
  return PyFloat_FromDouble(header_of(self)->packet().time_seconds());
}
std::int64_t ns_of(PyObject* self) { return header_of(self)->packet().time().time_since_epoch().count(); }
PyObject* ts_sec(PyObject* self, void*) { return PyLong_FromLongLong(ns_of(self) / 1'000'000'000); }
// 32 bits of seconds, 32 of their fraction.
PyObject* erf_time(PyObject* self, void*) {
  const auto ns = static_cast<std::uint64_t>(ns_of(self));
  constexpr std::uint64_t second = 1'000'000'000;
  return new_number((ns / second) << 32 | ((ns % second) << 32) / second);
}
PyObject* time(PyObject* self, void*) {
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) return nullptr;
  PyObject* arguments = Py_BuildValue("(d)", header_of(self)->packet().time_seconds());
  if (arguments == nullptr) return nullptr;
  PyObject* made = PyDateTime_FromTimestamp(arguments);
  Py_DECREF(arguments);
  return made;
}
PyObject* wire_len(PyObject* self, void*) { return new_number(header_of(self)->packet().wire_length()); }
PyObject* capture_len(PyObject* self, void*) { return new_number(header_of(self)->packet().data().size()); }
PyObject* ethertype(PyObject* self, void*) { return new_number(header_of(self)->packet().ether_type()); }
PyObject* vlan_id(PyObject* self, void*) {
  const auto vlan = header_of(self)->packet().vlan();
  return new_number(vlan ? vlan->id() : 0);
}
// libtrace's numbers of link types.
PyObject* linktype(PyObject* self, void*) {
  const auto number = [&] {
    switch (header_of(self)->packet().link_type()) {
      case LinkType::ethernet: return 2;
      case LinkType::raw_bsd:
      case LinkType::raw_openbsd:
      case LinkType::raw_ip:
      case LinkType::ipv4:
      case LinkType::ipv6: return 5;
      case LinkType::linux_cooked:
      case LinkType::linux_cooked_v2: return 6;
      case LinkType::ppp_hdlc: return 9;
      case LinkType::ppp: return 17;
      case LinkType::null:
      case LinkType::loop: return 20;
    }
    return -1;
  };
  return PyLong_FromLong(number());
}
PyObject* direction(PyObject*, void*) { return PyLong_FromLong(-1); }  // sources do not say

PyObject* layer2(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  return new_object(HeaderKind::data, h->held, h->packet().data(), h->packet().wire_length());
}
PyObject* layer3(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  if (h->packet().is_ip()) return new_header(h->packet().ip4() ? HeaderKind::ip : HeaderKind::ip6, h->held);
  const Bytes bytes = h->packet().network();
  return bytes.empty() ? none() : new_object(HeaderKind::data, h->held, bytes, bytes.size());
}
PyObject* transport(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  if (!h->packet().is_ip()) return none();
  const Bytes bytes = h->packet().transport().bytes;
  return new_object(HeaderKind::data, h->held, bytes, bytes.size());
}
PyObject* proto(PyObject* self, void*) {
  const Packet& packet = header_of(self)->packet();
  return packet.is_ip() ? new_number(packet.protocol()) : none();
}
template <IpProtocol Protocol>
PyObject* payload_of(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  const Packet& packet = h->packet();
  if (!packet.is(Protocol) || packet.payload_length() == 0) return none();
  return new_object(HeaderKind::data, h->held, packet.payload(), packet.payload_length());
}

PyObject* version(PyObject* self, void*) {
  return PyLong_FromLong(static_cast<long>(header_of(self)->packet().ip_version()));
}
PyObject* traffic_class(PyObject* self, void*) {
  return new_number(header_of(self)->packet().traffic_class());
}
PyObject* hop_limit(PyObject* self, void*) {
  const Packet& packet = header_of(self)->packet();
  if (const auto ip = packet.ip4()) return new_number(ip->ttl());
  if (const auto ip = packet.ip6()) return new_number(ip->hop_limit());
  return none();
}
PyObject* hdr_len(PyObject* self, void*) {
  const auto ip = header_of(self)->packet().ip4();
  return ip ? new_number(ip->header_length() / 4) : none();
}
PyObject* pkt_len(PyObject* self, void*) {
  const auto ip = header_of(self)->packet().ip4();
  return ip ? new_number(ip->total_length()) : none();
}
PyObject* src_prefix(PyObject* self, void*) { return new_prefix(header_of(self)->packet().source()); }
PyObject* dst_prefix(PyObject* self, void*) { return new_prefix(header_of(self)->packet().destination()); }

PyObject* answer(ChecksumState state) {
  if (state == ChecksumState::good) return new_bool(true);
  return state == ChecksumState::bad ? new_bool(false) : none();
}
PyObject* test_l3_cksm(PyObject* self, PyObject*) {
  return answer(verify_network_checksum(header_of(self)->packet()));
}
PyObject* test_trans_cksm(PyObject* self, PyObject*) {
  return answer(verify_transport_checksum(header_of(self)->packet()));
}

// An IP object exists only with its whole header.
const Ipv4Header ip4_of(PyObject* self) { return *header_of(self)->packet().ip4(); }
const Ipv6Header ip6_of(PyObject* self) { return *header_of(self)->packet().ip6(); }

PyObject* ident(PyObject* self, void*) { return new_number(ip4_of(self).identification()); }
PyObject* has_rf(PyObject* self, void*) { return new_bool(ip4_of(self).reserved_flag()); }
PyObject* has_df(PyObject* self, void*) { return new_bool(ip4_of(self).dont_fragment()); }
PyObject* has_mf(PyObject* self, void*) { return new_bool(ip4_of(self).more_fragments()); }
PyObject* frag_offset(PyObject* self, void*) { return new_number(ip4_of(self).fragment_offset() / 8u); }
PyObject* hdr_checksum(PyObject* self, void*) { return new_number(ip4_of(self).checksum()); }
PyObject* ip_payload(PyObject* self, void*) {
  const HeaderObject* h = header_of(self);
  const std::size_t length = std::min<std::size_t>(ip4_of(self).header_length(), h->captured);
  return new_bytearray({h->bytes() + length, h->captured - length});
}

PyObject* flow_label(PyObject* self, void*) { return new_number(ip6_of(self).flow_label()); }
PyObject* payload_len(PyObject* self, void*) { return new_number(ip6_of(self).payload_length()); }
PyObject* next_hdr(PyObject* self, void*) { return new_number(ip6_of(self).next_header()); }
PyObject* ip6_payload(PyObject* self, void*) {
  return new_bytearray(header_of(self)->packet().transport().bytes);
}

}  // namespace

PyGetSetDef common_attributes[] = {
    attribute("data", data, "its bytes and those that follow, as a bytearray; padding left out"),
    attribute("size", size, "length of the same, in bytes, captured or not"),
    attribute("kind", kind, "'packet' or 'copy'"),
    attribute("type", type, "what it is, 'IP' for instance"),
    attribute("seconds", seconds, "when the packet was captured, seconds since the epoch"),
    attribute("time", time, "the same as a datetime of local time"),
    attribute("ts_sec", ts_sec, "the same in whole seconds"),
    attribute("erf_time", erf_time, "the same as 32 bits of seconds and 32 of their fraction"),
    attribute("wire_len", wire_len, "bytes of the packet on the wire"),
    attribute("capture_len", capture_len, "bytes of it that were captured"),
    attribute("ethertype", ethertype, "EtherType behind tags and labels; 0 if there is none"),
    attribute("linktype", linktype, "libtrace's number of the link type"),
    attribute("vlan_id", vlan_id, "of the outermost VLAN tag; 0 without one"),
    attribute("direction", direction, "-1: not known"),
    attribute("layer2", layer2, "from the link layer on"),
    attribute("layer3", layer3, "from the network layer on; None without one"),
    attribute("transport", transport, "from the transport layer on; None without IP"),
    attribute("proto", proto, "IP protocol number; None without IP"),
    attribute("ip", layer<HeaderKind::ip>, "the IPv4 header, or None"),
    attribute("ip6", layer<HeaderKind::ip6>, "the IPv6 header, or None"),
    attribute("tcp", layer<HeaderKind::tcp>, "the TCP header, or None"),
    attribute("udp", layer<HeaderKind::udp>, "the UDP header, or None"),
    attribute("icmp", layer<HeaderKind::icmp>, "the ICMPv4 message, or None"),
    attribute("icmp6", layer<HeaderKind::icmp6>, "the ICMPv6 message, or None"),
    attribute("sctp", layer<HeaderKind::sctp>, "the SCTP header, or None"),
    attribute("tcp_payload", payload_of<IpProtocol::tcp>, "TCP payload, or None"),
    attribute("udp_payload", payload_of<IpProtocol::udp>, "UDP payload, or None"),
    no_more_attributes,
};

PyGetSetDef internet_attributes[] = {
    attribute("version", version, "4 or 6"),
    attribute("traffic_class", traffic_class, "DSCP and ECN together"),
    attribute("hop_limit", hop_limit, "hops left"),
    attribute("ttl", hop_limit, "hops left"),
    attribute("hdr_len", hdr_len, "of the IPv4 header, in words of four bytes; None in IPv6"),
    attribute("pkt_len", pkt_len, "total length that the IPv4 header states; None in IPv6"),
    attribute("src_prefix", src_prefix, "source address, an IPprefix"),
    attribute("dst_prefix", dst_prefix, "destination address, an IPprefix"),
    no_more_attributes,
};
PyMethodDef internet_methods[] = {
    {"test_l3_cksm", test_l3_cksm, METH_NOARGS, "Is the IPv4 header's checksum right? None: cannot be told."},
    {"test_trans_cksm", test_trans_cksm, METH_NOARGS,
     "Is the transport's checksum right? None: cannot be told."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef ip_attributes[] = {
    attribute("ident", ident, "identification"),
    attribute("has_rf", has_rf, "the reserved flag is set"),
    attribute("has_df", has_df, "don't fragment"),
    attribute("has_mf", has_mf, "more fragments"),
    attribute("frag_offset", frag_offset, "in units of eight bytes"),
    attribute("hdr_checksum", hdr_checksum, "of the header"),
    attribute("checksum", hdr_checksum, "of the header"),
    attribute("payload", ip_payload, "what follows the header, a bytearray"),
    no_more_attributes,
};
PyGetSetDef ip6_attributes[] = {
    attribute("flow_label", flow_label, "20 bits"),
    attribute("payload_len", payload_len, "bytes behind the fixed header, as it states them"),
    attribute("next_hdr", next_hdr, "of the fixed header"),
    attribute("payload", ip6_payload, "what follows the last extension header, a bytearray"),
    no_more_attributes,
};

}  // namespace spiderling::python
