"""Packets that plugins forge, fitted between the two ends that the engine has reserved for them."""
import ipaddress
import struct

TCP, UDP = 6, 17
_V6_EXTENSIONS = {0, 43, 60}  # hop-by-hop options, routing, destination options (RFC 8200, section 4)
_CHECKSUM_AT = {TCP: 16, UDP: 6}


def as_bytes(packet):
    """The packet from its IP header on. Bytes stay; of a packet of scapy an Ethernet header is left out."""
    if packet is None:
        raise ValueError("forge() returned nothing")
    if not isinstance(packet, (bytes, bytearray, memoryview)):
        if isinstance(packet, (str, int)):
            raise TypeError(f"forge() returned {type(packet).__name__}, where a packet is wanted")
        while getattr(packet, "name", "") in ("Ethernet", "802.1Q", "cooked linux"):
            packet = packet.payload
    return bytes(packet)


def transport_of(packet):
    """Protocol and offset of the transport's header."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return packet[9], (packet[0] & 15) * 4
    if version != 6 or len(packet) < 40:
        raise ValueError("forge() returned what begins with no IP header")
    protocol, at = packet[6], 40
    while protocol in _V6_EXTENSIONS and at + 8 <= len(packet):
        protocol, at = packet[at], at + 8 * (packet[at + 1] + 1)
    return protocol, at


def fit(packet, own_addresses, sip, sp):
    """The same packet from `sp`, and from `sip` if it came from another address of this host. Its checksums stay as
    right, or as wrong, as they were (RFC 1624); one of UDP that is zero stays zero."""
    packet = bytearray(packet)
    protocol, at = transport_of(packet)
    if protocol not in _CHECKSUM_AT or at + _CHECKSUM_AT[protocol] + 2 > len(packet):
        return bytes(packet)  # the engine says what it does not like
    before = bytes(packet[at:at + 2])
    struct.pack_into("!H", packet, at, sp)
    _mend(packet, at + _CHECKSUM_AT[protocol], before, packet[at:at + 2], protocol == UDP)
    where = slice(12, 16) if packet[0] >> 4 == 4 else slice(8, 24)
    source, wanted = bytes(packet[where]), ipaddress.ip_address(sip).packed
    own = {ipaddress.ip_address(one).packed for one in own_addresses if one}
    if source != wanted and len(source) == len(wanted) and source in own:
        packet[where] = wanted
        _mend(packet, at + _CHECKSUM_AT[protocol], source, wanted, protocol == UDP)
        if len(source) == 4:
            _mend(packet, 10, source, wanted, False)
    return bytes(packet)


def _words(data):
    return struct.unpack(f"!{len(data) // 2}H", bytes(data))


def _mend(packet, at, before, after, zero_is_none):
    old, = struct.unpack_from("!H", packet, at)
    if old == 0 and zero_is_none:
        return
    total = (~old & 0xffff) + sum(~word & 0xffff for word in _words(before)) + sum(_words(after))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    new = ~total & 0xffff
    struct.pack_into("!H", packet, at, 0xffff if new == 0 and zero_is_none else new)
