"""Packets made by scapy, as bytes from their IP header on. Only for tests."""
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrHopByHop
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkInit
from scapy.packet import Raw

ADDRESSES = {4: ("192.0.2.10", "198.51.100.20", "203.0.113.1"), 6: ("2001:db8:a::10", "2001:db8:b::20", "2001:db8:c::1")}


def there(version, **fields):
    source, destination, _ = ADDRESSES[version]
    return IP(src=source, dst=destination, **fields) if version == 4 else IPv6(src=source, dst=destination, **fields)


def back(version, **fields):
    source, destination, _ = ADDRESSES[version]
    return IP(src=destination, dst=source, **fields) if version == 4 else IPv6(src=destination, dst=source, **fields)


def unreachable(version, quoted):
    source, _, router = ADDRESSES[version]
    if version == 4:
        return IP(src=router, dst=source) / ICMP(type=3, code=1) / Raw(bytes(quoted))
    return IPv6(src=router, dst=source) / ICMPv6DestUnreach() / Raw(bytes(quoted))


def conversation(version):
    """SYN, SYN+ACK, an ICMP error about the SYN; a datagram; something else."""
    syn = there(version) / TCP(sport=40000, dport=80, flags="S", seq=7)
    esp = {4: {"proto": 50}, 6: {"nh": 50}}[version]
    return [bytes(packet) for packet in (
        syn,
        back(version) / TCP(sport=80, dport=40000, flags="SA", seq=9, ack=8),
        unreachable(version, syn),
        there(version) / UDP(sport=40001, dport=53) / Raw(b"hello"),
        there(version, **esp) / Raw(bytes(range(32))),
    )]


def all_packets():
    """Of every kind that headers answer for, in both versions."""
    made = []
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (123456, 654321)), ("NOP", None), ("WScale", 7)]
    for version in (4, 6):
        mark = {4: {"tos": 0xB9}, 6: {"tc": 0xB9, "fl": 0x12345}}[version]
        syn = there(version, **mark) / TCP(sport=40000, dport=80, flags="SEC", seq=0xFFFFFFF0, window=4321, options=options)
        question = DNS(id=7, rd=1, qd=DNSQR(qname="example.org"))
        answer = DNS(id=7, qr=1, qd=DNSQR(qname="example.org"), an=DNSRR(rrname="example.org", rdata="192.0.2.7"))
        message = bytes(answer)
        made += [
            syn,
            back(version) / TCP(sport=80, dport=40000, flags="SAE", seq=99, ack=0xFFFFFFF1, options=options[:1]),
            there(version) / TCP(sport=40000, dport=80, flags="PAU", urgptr=5, reserved=5) / Raw(b"GET / HTTP/1.0\r\n\r\n"),
            back(version) / TCP(sport=80, dport=40000, flags="FA"),
            there(version) / TCP(sport=40000, dport=80, flags="R"),
            there(version) / TCP(sport=40002, dport=80, flags="S", options=[(34, b"12345678")]) / Raw(b"early"),
            back(version) / TCP(sport=80, dport=40002, flags="SA", ack=6, options=[(254, b"\xf9\x89abcd")]),
            there(version) / UDP(sport=40003, dport=53) / question,
            back(version) / UDP(sport=53, dport=40003) / answer,
            back(version) / UDP(sport=53, dport=40003, chksum=0) / Raw(b"no dns"),
            there(version) / TCP(sport=40004, dport=53, flags="PA") / Raw(b"\0\x1d" + bytes(question)),
            back(version) / TCP(sport=53, dport=40004, flags="PA") / Raw(len(message).to_bytes(2, "big") + message),
            there(version) / UDP(sport=40005, dport=7),
            unreachable(version, syn),
            there(version) / SCTP(sport=40006, dport=9899, tag=0xABCDEF01) / SCTPChunkInit() / SCTPChunkData(data=b"abc"),
            there(version, **{4: {"proto": 50}, 6: {"nh": 50}}[version]) / Raw(bytes(range(40))),
        ]
    made += [
        there(4, flags="evil+DF", id=0xBEEF, ttl=3) / TCP(sport=40007, dport=80, flags="S"),
        there(4) / ICMP(type=8, id=0x1234, seq=0x5678) / Raw(b"ping"),
        there(4) / ICMP(type=5, code=1, gw="192.0.2.254") / Raw(bytes(there(4) / UDP(sport=1, dport=2))[:28]),
        unreachable(4, bytes(there(4) / TCP(sport=40008, dport=443))[:28]),
        there(6) / ICMPv6EchoRequest(id=0x1234, seq=0x5678, data=b"ping"),
        there(6) / ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(back(6) / UDP(sport=1, dport=2) / Raw(b"x" * 20))),
        there(6) / ICMPv6ND_NS(tgt="2001:db8::77"),
        there(6) / IPv6ExtHdrHopByHop() / UDP(sport=40009, dport=9) / Raw(b"behind an extension"),
    ]
    made += fragment(there(4, id=77) / UDP(sport=40010, dport=9) / Raw(b"y" * 1200), 500)
    return [bytes(packet) for packet in made]
