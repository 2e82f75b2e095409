#include "python/headers.h"

#include <array>

#include "python/header_object.h"

namespace spiderling::python {

namespace {

std::array<PyTypeObject*, header_kinds> types{};

PyTypeObject* type_of(HeaderKind kind) { return types[static_cast<std::size_t>(kind)]; }

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  header_of(self)->held->let_go();
  type->tp_free(self);
  Py_DECREF(type);
}

const char* name_of(HeaderKind kind) {
  constexpr const char* names[header_kinds] = {"Packet", "Data", "IP",    "IP6", "TCP",
                                               "UDP",    "ICMP", "ICMP6", "SCTP"};
  return names[static_cast<std::size_t>(kind)];
}

PyObject* repr(PyObject* self) {
  const HeaderObject* header = header_of(self);
  return PyUnicode_FromFormat("<%s of %u bytes>", name_of(header->kind), header->captured);
}

struct TypeParts {
  const char* name;
  const char* doc;
  PyGetSetDef* attributes;
  PyMethodDef* methods;  // may be nullptr
};

PyTypeObject* make_type(PyObject* module, const TypeParts& parts, PyTypeObject* base) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_doc, const_cast<char*>(parts.doc)},
                         {parts.attributes != nullptr ? Py_tp_getset : 0, parts.attributes},
                         {parts.methods != nullptr ? Py_tp_methods : 0, parts.methods},
                         {0, nullptr}};
  PyType_Spec spec = {parts.name, sizeof(HeaderObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  PyObject* bases = base == nullptr ? nullptr : PyTuple_Pack(1, base);
  if (base != nullptr && bases == nullptr) return nullptr;
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, bases);
  Py_XDECREF(bases);
  if (type == nullptr) return nullptr;
  // The types stay as long as the process: objects are made of them by threads that know no module.
  if (PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type)) != 0) return nullptr;
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace

PacketShare::PacketShare(const Packet& packet) : held_(new Held) { held_->packet = packet; }

PacketShare::~PacketShare() {
  // Somebody has kept an object: the bytes go away with the packet, so it gets its own.
  if (held_->shares > 1 && !held_->own) {
    held_->own.emplace(held_->packet);
    held_->packet = held_->own->packet();
  }
  held_->let_go();
}

PyObject* new_object(HeaderKind kind, PacketShare::Held* held, std::size_t offset, std::size_t captured,
                     std::size_t size) {
  PyTypeObject* type = type_of(kind);
  auto* made = reinterpret_cast<HeaderObject*>(type->tp_alloc(type, 0));
  if (made == nullptr) return nullptr;
  ++held->shares;
  made->held = held;
  made->offset = static_cast<std::uint32_t>(offset);
  made->captured = static_cast<std::uint32_t>(captured);
  made->size = static_cast<std::uint32_t>(size);
  made->kind = kind;
  return reinterpret_cast<PyObject*>(made);
}

PyObject* new_object(HeaderKind kind, PacketShare::Held* held, Bytes bytes, std::size_t size) {
  const std::uint8_t* start = held->packet.data().data();
  return new_object(kind, held, static_cast<std::size_t>(bytes.data() - start), bytes.size(), size);
}

namespace {

PyObject* new_network(HeaderKind kind, PacketShare::Held* held) {
  const Packet& packet = held->packet;
  const Bytes all = packet.network();
  const std::size_t stated = packet.ip_length();
  return new_object(kind, held, all.first(std::min(all.size(), stated)), stated);
}

PyObject* new_transport(HeaderKind kind, PacketShare::Held* held) {
  const Packet& packet = held->packet;
  const Bytes bytes = packet.transport().bytes;
  const auto behind_network = static_cast<std::size_t>(bytes.data() - packet.network().data());
  return new_object(kind, held, bytes,
                    std::max<std::size_t>(packet.ip_length(), behind_network) - behind_network);
}

// Quotations are cut by design: of their headers some attributes cannot be had.
PyObject* new_with_ports(IpProtocol protocol, HeaderKind kind, PacketShare::Held* held, bool is_whole) {
  const Packet& packet = held->packet;
  const bool is_there = is_whole || (held->is_quotation && packet.is(protocol) && packet.has_ports());
  return is_there ? new_transport(kind, held) : none();
}

}  // namespace

PyObject* new_header(HeaderKind kind, PacketShare::Held* held) {
  const Packet& packet = held->packet;
  switch (kind) {
    case HeaderKind::packet: return new_object(kind, held, packet.data(), packet.wire_length());
    case HeaderKind::ip: return packet.ip4() ? new_network(kind, held) : none();
    case HeaderKind::ip6: return packet.ip6() ? new_network(kind, held) : none();
    case HeaderKind::tcp: return new_with_ports(IpProtocol::tcp, kind, held, packet.tcp().has_value());
    case HeaderKind::udp: return new_with_ports(IpProtocol::udp, kind, held, packet.udp().has_value());
    case HeaderKind::sctp: return new_with_ports(IpProtocol::sctp, kind, held, packet.sctp().has_value());
    case HeaderKind::icmp:
      return packet.ip_version() == IpVersion::v4 && packet.icmp() ? new_transport(kind, held) : none();
    case HeaderKind::icmp6:
      return packet.ip_version() == IpVersion::v6 && packet.icmp() ? new_transport(kind, held) : none();
    case HeaderKind::data: break;
  }
  return none();
}

PyObject* new_quotation(PacketShare::Held* held) {
  const auto quotation = held->packet.quotation();
  if (!quotation) return none();
  // A packet inside another: it has its own bytes from the start, and need not be told when those of the
  // other go.
  const PacketShare inner(*quotation);
  inner.held()->is_quotation = true;
  inner.held()->own.emplace(*quotation);
  inner.held()->packet = inner.held()->own->packet();
  return new_header(quotation->ip_version() == IpVersion::v4 ? HeaderKind::ip : HeaderKind::ip6,
                    inner.held());
}

const std::uint8_t* need(PyObject* self, std::size_t needed, const char* what) {
  const HeaderObject* header = header_of(self);
  if (header->captured >= needed) return header->bytes();
  PyErr_Format(PyExc_ValueError, "Data too short for %s", what);
  return nullptr;
}

bool add_header_types(PyObject* module) {
  const TypeParts data{"_spiderling.Data", "Bytes of a packet, and the packet that they are of.",
                       common_attributes, nullptr};
  PyTypeObject* base = make_type(module, data, nullptr);
  if (base == nullptr) return false;
  types[static_cast<std::size_t>(HeaderKind::data)] = base;
  const TypeParts internet_parts{"_spiderling.Internet", "What all headers know of the IP header.",
                                 internet_attributes, internet_methods};
  PyTypeObject* internet = make_type(module, internet_parts, base);
  if (internet == nullptr) return false;
  const auto add = [&](HeaderKind kind, const TypeParts& parts, PyTypeObject* of) {
    PyTypeObject* type = make_type(module, parts, of);
    types[static_cast<std::size_t>(kind)] = type;
    return type != nullptr;
  };
  return add(HeaderKind::packet, {"_spiderling.Packet", "A packet from its link layer on.", nullptr, nullptr},
             base) &&
         add(HeaderKind::ip,
             {"_spiderling.IP", "An IPv4 header and what follows it.", ip_attributes, nullptr}, internet) &&
         add(HeaderKind::ip6,
             {"_spiderling.IP6", "An IPv6 header and what follows it.", ip6_attributes, nullptr}, internet) &&
         add(HeaderKind::tcp,
             {"_spiderling.TCP", "A TCP header and its payload.", tcp_attributes, tcp_methods}, internet) &&
         add(HeaderKind::udp, {"_spiderling.UDP", "A UDP header and its payload.", udp_attributes, nullptr},
             internet) &&
         add(HeaderKind::icmp, {"_spiderling.ICMP", "An ICMPv4 message.", icmp_attributes, nullptr},
             internet) &&
         add(HeaderKind::icmp6, {"_spiderling.ICMP6", "An ICMPv6 message.", icmp_attributes, nullptr},
             internet) &&
         add(HeaderKind::sctp,
             {"_spiderling.SCTP", "An SCTP header and its chunks.", sctp_attributes, nullptr}, internet);
}

}  // namespace spiderling::python
