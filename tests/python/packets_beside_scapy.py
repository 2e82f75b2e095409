"""Packets as chefs get them, beside scapy's own: every answer is the same.

Usage: packets_beside_scapy.py TEST     (needs python3-scapy; exit status 77 without it)
"""
import io
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])
import _spiderling  # noqa: E402

try:
    import logging
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    import scapy.all as scapy
except ImportError:
    print("SKIPPED: needs python3-scapy")
    sys.exit(77)

ROOT = pathlib.Path(os.environ["SPIDERLING_ROOT"])
CORPUS = pathlib.Path(os.environ.get("SPIDERLING_CORPUS", ROOT.parent / "shared" / "corpus"))
ASKED = ["Ethernet", "Ether", "802.1Q", "Dot1Q", "ARP", "IP", "IPv6", "TCP", "UDP", "ICMP", "DNS", "DNSQR", "DNSRR", "Raw",
         "Padding", "NTP", "BOOTP", "DHCP", "IPerror", "no such layer", "DNS Question Record", "cooked linux"]
CLASSES = [scapy.Ether, scapy.Dot1Q, scapy.ARP, scapy.IP, scapy.IPv6, scapy.TCP, scapy.UDP, scapy.ICMP, scapy.DNS,
           scapy.DNSQR, scapy.DNSRR, scapy.Raw, scapy.Padding, scapy.NTP, scapy.BOOTP, scapy.CookedLinux]
ATTRIBUTES = ["src", "dst", "sport", "dport", "flags", "ttl", "proto", "load", "qd", "op", "psrc", "type", "len", "options",
              "no_such_attribute", "chksum", "an", "id"]
ROOTS = {1: scapy.Ether, 113: scapy.CookedLinux, 101: scapy.IP}


def said(ask, packet):
    """What comes of asking: comparable, whichever side it is from."""
    try:
        return plain(ask(packet))
    except Exception as problem:
        return type(problem).__name__


def plain(value):
    if isinstance(value, scapy.Packet):
        return ("layer", value.name, bytes(value))
    if type(value).__name__ == "FlagValue":
        return ("flags", int(value), str(value))
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return (type(value).__name__, value)


def questions():
    for name in ASKED:
        yield f"haslayer({name!r})", lambda p, name=name: bool(p.haslayer(name))
        yield f"getlayer({name!r})", lambda p, name=name: p.getlayer(name)
        yield f"{name!r} in", lambda p, name=name: name in p
    for layer in CLASSES:
        yield f"haslayer({layer.__name__})", lambda p, layer=layer: bool(p.haslayer(layer))
        yield f"[{layer.__name__}]", lambda p, layer=layer: p[layer]
        yield f"[{layer.__name__}].fields", lambda p, layer=layer: p[layer].fields
        yield f"[{layer.__name__}].payload", lambda p, layer=layer: p[layer].payload.name
        yield f"[{layer.__name__}].underlayer", lambda p, layer=layer: getattr(p[layer].underlayer, "name", None)
        yield f"isinstance [{layer.__name__}]", lambda p, layer=layer: isinstance(p[layer], layer)
    for name in ATTRIBUTES:
        yield f".{name}", lambda p, name=name: getattr(p, name)
    yield "IP.src", lambda p: p.getlayer("IP.src")
    yield "name", lambda p: p.name
    yield "bytes", bytes
    yield "len", len
    yield "summary", lambda p: p.summary()
    yield "show", lambda p: p.show(dump=True)
    yield "walk", lambda p: list(layers_of(p))
    yield "isinstance Packet", lambda p: isinstance(p, scapy.Packet)
    yield "equal", lambda p: p == type_root(p)(bytes(p))
    yield "layers", lambda p: [layer.__name__ for layer in p.layers()]


def type_root(packet):
    return packet.__class__


def layers_of(packet):
    yield packet.name
    while packet.payload:
        packet = packet.payload
        yield packet.name


def compare(data, link_type=1):
    """How many questions were asked; raises at the first whose answers differ."""
    count = 0
    for name, ask in questions():
        try:
            theirs = ROOTS[link_type](data)
        except Exception:
            return 0  # scapy has no packet to answer
        expected, found = said(ask, theirs), said(ask, _spiderling.packet(data, link_type=link_type))
        assert expected == found, f"{name}: scapy says {expected!r}, ours {found!r}\n{data.hex()}\n{theirs!r}"
        count += 1
    return count


def made():
    ether = scapy.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ip = scapy.IP(src="192.0.2.1", dst="198.51.100.2")
    ip6 = scapy.IPv6(src="2001:db8::1", dst="2001:db8::2")
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None), ("WScale", 7)]
    query = scapy.DNS(id=7, rd=1, qd=scapy.DNSQR(qname="www.example.org"))
    two = scapy.DNS(qd=scapy.DNSQR(qname="a.example") / scapy.DNSQR(qname="b.example", qtype="AAAA"))
    answer = scapy.DNS(id=7, qr=1, qd=scapy.DNSQR(qname="www.example.org"),
                       an=scapy.DNSRR(rrname="www.example.org", rdata="192.0.2.7")
                       / scapy.DNSRR(rrname="www.example.org", type="CNAME", rdata="x.example.org"),
                       ar=scapy.DNSRROPT())
    for network in (ip, ip6):
        yield ether / network / scapy.TCP(flags="S", options=options)
        yield ether / network / scapy.TCP(flags="SAE", options=[(254, b"abcd"), ("EOL", None)])
        yield ether / network / scapy.TCP(dport=80, flags="PA", reserved=5) / scapy.Raw(b"GET / HTTP/1.0\r\n\r\n")
        yield ether / network / scapy.TCP(dport=445, flags="PA") / scapy.Raw(b"\0\0\0\x04abcd")
        yield ether / network / scapy.TCP(dport=53, flags="PA") / query
        for message in (query, two, answer, scapy.DNS(qdcount=0, qd=None), scapy.DNS(qd=scapy.DNSQR(qname="."))):
            yield ether / network / scapy.UDP(sport=4000, dport=53) / message
        yield ether / network / scapy.UDP(sport=5353, dport=5353) / query
        yield ether / network / scapy.UDP(sport=4000, dport=53) / query / scapy.Raw(b"behind the message")
        yield ether / network / scapy.UDP(sport=4000, dport=53) / scapy.Raw(b"no DNS at all")
        yield ether / network / scapy.UDP(sport=123, dport=123) / scapy.NTP()
        yield ether / network / scapy.UDP(sport=4000, dport=4001) / scapy.Raw(b"x" * 50)
        yield ether / network / scapy.UDP(sport=4000, dport=4001)
        yield ether / scapy.Dot1Q(vlan=5, prio=3) / network / scapy.UDP(sport=1, dport=2) / scapy.Raw(b"tagged")
        yield ether / network / scapy.UDP(sport=1, dport=2, len=12) / scapy.Raw(b"longer than stated")
        yield ether / network / scapy.TCP() / scapy.Padding(b"\0" * 6)
    yield ether / ip / scapy.ICMP(id=1, seq=2) / scapy.Raw(b"ping")
    yield ether / ip / scapy.ICMP(type=0, id=1, seq=2)
    yield ether / ip / scapy.ICMP(type=3, code=1) / ip / scapy.UDP(sport=1, dport=2)
    yield ether / ip6 / scapy.ICMPv6EchoRequest(data=b"ping")
    yield ether / ip6 / scapy.IPv6ExtHdrHopByHop() / scapy.UDP(sport=1, dport=2) / scapy.Raw(b"x")
    yield ether / scapy.IP(options=scapy.IPOption_RR()) / scapy.UDP(sport=1, dport=2) / scapy.Raw(b"x")
    yield ether / scapy.IP(flags="evil+DF", id=9, ttl=3, tos=0xb9) / scapy.TCP()
    yield ether / scapy.IP(proto=99) / scapy.Raw(b"unknown")
    yield from scapy.fragment(ether / ip / scapy.UDP(sport=1, dport=2) / scapy.Raw(b"y" * 1200), 500)
    yield ether / scapy.ARP(psrc="192.0.2.1", pdst="192.0.2.2")
    yield ether / scapy.ARP(op=2, psrc="192.0.2.1", pdst="192.0.2.2") / scapy.Padding(b"\0" * 18)
    yield ether / scapy.ARP(hwlen=8, plen=4)
    yield ether / ip / scapy.UDP(sport=68, dport=67) / scapy.BOOTP() / scapy.DHCP(options=[("message-type", "discover"), "end"])
    yield scapy.Dot3() / scapy.LLC() / scapy.STP()
    yield scapy.Ether(type=0x88cc) / scapy.Raw(b"\x02\x07\x04")


def packets_of_every_kind():
    asked = sum(compare(bytes(packet)) for packet in made())
    assert asked > 5000, asked
    print(f"{asked} answers are scapy's")


def of_other_links():
    body = scapy.IP(src="192.0.2.1", dst="198.51.100.2") / scapy.UDP(sport=4000, dport=53) / scapy.DNS(
        qd=scapy.DNSQR(qname="a.example"))
    compare(bytes(scapy.CookedLinux(proto=0x800) / body), link_type=113)
    compare(bytes(body), link_type=101)


def of_the_corpus():
    if not CORPUS.is_dir():
        print(f"SKIPPED: no corpus at {CORPUS}")
        sys.exit(77)
    asked = 0
    for trace in sorted(CORPUS.glob("*.pcap")):
        reader = scapy.RawPcapReader(str(trace))
        for data, _ in reader:
            asked += compare(data, reader.linktype) if reader.linktype in ROOTS else 0
        reader.close()
    assert asked > 1000, asked
    print(f"{asked} answers are scapy's")


def of_damaged_packets():
    random.seed(7)
    originals = [bytes(packet) for packet in made()]
    for _ in range(150):
        data = bytearray(random.choice(originals))
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        compare(bytes(data[:random.randrange(14, len(data) + 1)] if random.random() < 0.5 else data))


def a_changed_packet_is_scapys():
    data = bytes(scapy.Ether() / scapy.IP(ttl=9) / scapy.TCP(dport=80) / scapy.Raw(b"x"))
    packet = _spiderling.packet(data)
    packet[scapy.IP].ttl = 3
    assert packet[scapy.IP].ttl == 3 and packet.getlayer("IP").fields["ttl"] == 3
    del packet[scapy.TCP].payload
    assert not packet.haslayer("Raw")


def bound_layers_are_seen():
    class Mine(scapy.Packet):
        name = "Mine"
        fields_desc = [scapy.ByteField("number", 0)]
    scapy.bind_layers(scapy.UDP, Mine, dport=9999)
    packet = _spiderling.packet(bytes(scapy.Ether() / scapy.IP() / scapy.UDP(sport=1, dport=9999) / scapy.Raw(b"\x07")))
    assert packet.haslayer(Mine) and packet[Mine].number == 7 and packet.haslayer("UDP") and not packet.haslayer("Raw")


def without_scapy():
    """What is known natively is answered; what only scapy knows says so."""
    probe = """
import sys
sys.modules['scapy'] = None
import _spiderling
data = bytes.fromhex(sys.argv[1])
packet = _spiderling.packet(data, 5.5)
assert packet.haslayer('DNS') and packet.getlayer('DNS').fields['qd'].qname == b'a.example.', packet.fields
assert packet.time == 5.5 and packet.name == 'Ethernet' and not packet.haslayer('TCP') and 'Ether' in repr(packet)
assert str(packet.getlayer('IP').flags) == '' and packet.getlayer('IP').flags == 0
import copy, pickle
flags = _spiderling.packet(data, 5.5).getlayer('IP').flags | 'DF'
for again in (flags.copy(), copy.copy(flags), copy.deepcopy(flags), pickle.loads(pickle.dumps(flags))):
    assert again == flags == 'DF' and again.DF and again is not flags
assert bytes(packet) == data and len(packet) == len(data)
try:
    packet.summary()
except ImportError as problem:
    assert 'python3-scapy' in str(problem)
else:
    raise AssertionError('no ImportError')
"""
    data = bytes(scapy.Ether() / scapy.IP(src="192.0.2.1", dst="192.0.2.2") / scapy.UDP() / scapy.DNS(
        qd=scapy.DNSQR(qname="a.example")))
    subprocess.run(["/usr/bin/python3", "-c", probe, data.hex()], check=True, timeout=60,
                   env=os.environ | {"PYTHONPATH": os.environ["SPIDERLING_PYTHON"]})


globals()[sys.argv[1]]()
