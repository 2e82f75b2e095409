// Packets and their headers as chains in Python see them: with the attributes of python-libtrace's objects.
#pragma once

#include <Python.h>

#include "spiderling/packet.h"

namespace spiderling::python {

/// A packet that Python objects refer to: each of them holds a share of it. Its bytes are borrowed until
/// settle(). With the interpreter's lock.
///
///     PacketShare share(packet);
///     Ref header(new_header(HeaderKind::tcp, share));
///     ... call a handler with it ...
///     // ~PacketShare: what the handler has kept gets bytes of its own
class PacketShare {
 public:
  explicit PacketShare(const Packet& packet);
  ~PacketShare();
  PacketShare(const PacketShare&) = delete;
  PacketShare& operator=(const PacketShare&) = delete;

  struct Held;
  Held* held() const { return held_; }

 private:
  Held* held_;
};

/// What a Python object shows of a packet.
enum class HeaderKind : std::uint8_t { packet, data, ip, ip6, tcp, udp, icmp, icmp6, sctp };
inline constexpr std::size_t header_kinds = 9;

/// A new object; None if the packet has no such header. nullptr: a Python exception is set.
PyObject* new_header(HeaderKind kind, PacketShare::Held* held);

/// The packet that an ICMP error quotes, as an IP object; None if there is none. nullptr: a Python exception
/// is set.
PyObject* new_quotation(PacketShare::Held* held);

/// Adds is_dns_response(bytes): a whole, well-formed DNS response (RFC 1035).
bool add_dns_function(PyObject* module);
/// Adds the types to the module. False: a Python exception is set.
bool add_header_types(PyObject* module);
/// Adds IPprefix, and from_s(text), which makes one.
bool add_prefix_type(PyObject* module);
/// An IPprefix. nullptr: a Python exception is set.
PyObject* new_prefix(const IpAddress& address);

}  // namespace spiderling::python
