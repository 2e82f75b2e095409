"""What headers answer in a chain, compared with scapy's reading of the same bytes.

Usage: headers.py TEST      (exit status 77: what it needs is not here)
"""
import datetime
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import scapy_packets  # noqa: E402
import traces  # noqa: E402
from pathspider.chains.base import Chain  # noqa: E402
from pathspider.chains.tcp import tcp_options  # noqa: E402
from pathspider.observer import Observer  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import CookedLinux, Ether  # noqa: E402
from scapy.layers.sctp import SCTP  # noqa: E402
from scapy.packet import Padding  # noqa: E402

import _spiderling  # noqa: E402

LINKS = {1: Ether, 101: None, 113: CookedLinux}
problems = []


def check(what, got, want):
    if got != want or isinstance(got, bool) != isinstance(want, bool):
        problems.append(f"{what} is {got!r}, scapy says {want!r}")


def dissected(link, data):
    kind = LINKS[link] or (IP if data[0] >> 4 == 4 else IPv6)
    return kind(data)


def network_of(packet):
    found = packet.getlayer(IP)
    return found if found is not None else packet.getlayer(IPv6)


def without_padding(layer):
    data = bytes(layer)
    pad = layer.getlayer(Padding)
    return data[: len(data) - len(pad.load)] if pad is not None else data


def check_internet(header, ip):
    check("version", header.version, ip.version)
    check("str(src_prefix)", str(header.src_prefix), ip.src)
    check("str(dst_prefix)", str(header.dst_prefix), ip.dst)
    check("hop_limit", header.hop_limit, ip.ttl if ip.version == 4 else ip.hlim)
    check("ttl", header.ttl, header.hop_limit)
    check("traffic_class", header.traffic_class, ip.tos if ip.version == 4 else ip.tc)
    check("hdr_len", header.hdr_len, ip.ihl if ip.version == 4 else None)
    check("pkt_len", header.pkt_len, ip.len if ip.version == 4 else None)
    check("src_prefix.version", header.src_prefix.version, ip.version)


def check_ip(header, ip):
    check_internet(header, ip)
    whole = without_padding(ip)
    check("ip.data", bytes(header.data), whole)
    check("ip.size", header.size, ip.len if ip.version == 4 else ip.plen + 40)
    if ip.version == 4:
        check("proto", header.proto, ip.proto)
        check("ident", header.ident, ip.id)
        check("has_rf", header.has_rf, bool(ip.flags.evil))
        check("has_df", header.has_df, bool(ip.flags.DF))
        check("has_mf", header.has_mf, bool(ip.flags.MF))
        check("frag_offset", header.frag_offset, ip.frag)
        check("checksum", header.checksum, ip.chksum)
        check("hdr_checksum", header.hdr_checksum, ip.chksum)
        check("ip.payload", bytes(header.payload), whole[ip.ihl * 4 :])
        check("l3 checksum", header.test_l3_cksm(), IP(bytes(IP(whole[: ip.ihl * 4]).copy())).chksum == checksum_of(whole, ip))
    else:
        check("flow_label", header.flow_label, ip.fl)
        check("payload_len", header.payload_len, ip.plen)
        check("next_hdr", header.next_hdr, ip.nh)
        check("l3 checksum", header.test_l3_cksm(), None)


def checksum_of(whole, ip):
    fresh = IP(whole[: ip.ihl * 4])
    del fresh.chksum
    fresh.remove_payload()
    return IP(bytes(fresh)).chksum


def check_tcp(header, tcp, ip):
    check_internet(header, ip)
    for name, theirs in (("src_port", "sport"), ("dst_port", "dport"), ("seq_nbr", "seq"), ("ack_nbr", "ack"),
                         ("doff", "dataofs"), ("window", "window"), ("checksum", "chksum"), ("urg_ptr", "urgptr")):
        check("tcp." + name, getattr(header, name), getattr(tcp, theirs))
    # scapy counts the lowest reserved bit as a flag (NS).
    check("tcp.flags", header.flags, int(tcp.flags) | tcp.reserved << 9)
    for name in "urg", "ack", "psh", "rst", "syn", "fin":
        check(f"tcp.{name}_flag", getattr(header, name + "_flag"), name[0].upper() in str(tcp.flags))
    check("tcp.ece_flag", header.ece_flag, "E" in str(tcp.flags))
    check("tcp.cwr_flag", header.cwr_flag, "C" in str(tcp.flags))
    whole = without_padding(tcp)
    check("tcp.data", bytes(header.data), whole)
    check("tcp.size", header.size, len(whole))
    rest = whole[tcp.dataofs * 4 :]
    check("tcp.payload", bytes(header.payload.data) if header.payload is not None else b"", rest)
    check("tcp.payload is None", header.payload is None, not rest)
    options = whole[20 : tcp.dataofs * 4]
    check("tcp.options_data", header.options_data and bytes(header.options_data), options or False)
    kinds = {"MSS": 2, "WScale": 3, "SAckOK": 4, "SAck": 5, "Timestamp": 8, "TFO": 34}
    named = [kinds.get(name, name) for name, _ in tcp.options if name not in ("NOP", "EOL")]
    check("tcp.option_numbers", list(header.option_numbers) if header.option_numbers else [], named)
    check("tcp_options", list(tcp_options(header)), named)
    for name, value in tcp.options:
        if name == "MSS":
            check("tcp.option(2)", int.from_bytes(header.option(2), "big"), value)
            check("tcp_options[2]", int.from_bytes(tcp_options(header)[2], "big"), value)
        if name == "SAckOK":
            check("tcp.option(4)", header.option(4), True)
    check("tcp.option(99)", header.option(99), False)


def check_udp(header, udp, ip):
    check_internet(header, ip)
    for name, theirs in (("src_port", "sport"), ("dst_port", "dport"), ("len", "len"), ("checksum", "chksum")):
        check("udp." + name, getattr(header, name), getattr(udp, theirs))
    whole = without_padding(udp)
    check("udp.data", bytes(header.data), whole)
    check("udp.payload", bytes(header.payload.data) if header.payload is not None else b"", whole[8:])


def check_icmp(header, icmp, ip, quoted):
    check_internet(header, ip)
    whole = without_padding(icmp)
    check("icmp.type", header.type, whole[0])
    check("icmp.code", header.code, whole[1])
    check("icmp.checksum", header.checksum, int.from_bytes(whole[2:4], "big"))
    check("icmp.data", bytes(header.data), whole)
    four, type_ = ip.version == 4, whole[0]
    if type_ in ((0, 8) if four else (128, 129)):
        check("icmp.echo", (header.echo.ident, header.echo.sequence), (icmp.id, icmp.seq))
        check("icmp.payload", bytes(header.payload), whole[8:])
        check("quotation", quoted, None)
    elif type_ in ((3, 4, 5, 11, 12) if four else (1, 2, 3, 4)):
        inner = (IP if four else IPv6)(whole[8:])
        for quotation in (header.payload, quoted):
            check_internet(quotation, inner)
            check("quotation.data", bytes(quotation.data), whole[8:])
            transport = quotation.tcp if inner.haslayer(TCP) else quotation.udp
            check("quotation's ports", (transport.src_port, transport.dst_port), (inner.sport, inner.dport))
    if four and type_ == 5:
        check("redirect.gateway", str(header.redirect.gateway), icmp.gw)
    if not four and type_ == 2:
        check("toobig.mtu", header.toobig.mtu, icmp.mtu)
    if not four and type_ == 135:
        check("neighbour.target_prefix", str(header.neighbour.target_prefix), icmp.tgt)


def check_sctp(header, sctp, ip):
    check_internet(header, ip)
    check("sctp ports", (header.src_port, header.dst_port), (sctp.sport, sctp.dport))
    check("sctp.verification_tag", header.verification_tag, sctp.tag)
    check("sctp.checksum", header.checksum, sctp.chksum)
    theirs, chunk = [], sctp.payload
    while chunk:
        theirs.append((chunk.type, chunk.len))
        chunk = chunk.payload
    check("sctp.chunks", [(one.type, one.length) for one in header.chunks], theirs)
    assert all(one.is_ok and len(one.bytes) == one.length - 4 for one in header.chunks)


class Comparing(Chain):
    """Has scapy's reading of the packet that comes next, and compares."""

    def __init__(self, readings):
        self.readings = readings
        self.seen = dict.fromkeys(("ip", "tcp", "udp", "icmp", "sctp", "l4"), 0)

    def new_flow(self, rec, ip):
        return True

    def ip4(self, rec, ip, rev):
        self.packet = self.readings.pop(0)
        self.seen["ip"] += 1
        check_ip(ip, network_of(self.packet))
        check("capture_len", ip.capture_len, len(self.packet.original))
        check("wire_len", ip.wire_len, len(self.packet.original))
        check("layer2.data", bytes(ip.layer2.data), self.packet.original)
        check("time", ip.time, datetime.datetime.fromtimestamp(ip.seconds))
        check("ts_sec", ip.ts_sec, int(ip.seconds))
        check("erf_time", ip.erf_time >> 32, ip.ts_sec)
        for name, kind in (("tcp", TCP), ("udp", UDP), ("sctp", SCTP)):
            there = network_of(self.packet).payload.haslayer(kind) and not self.packet.haslayer("ICMPerror")
            if network_of(self.packet).payload.name in ("ICMP", "Raw") or "ICMPv6" in network_of(self.packet).payload.name:
                there = False
            check(f"ip.{name} is there", getattr(ip, name) is not None, bool(there))
        return True

    ip6 = ip4

    def tcp(self, rec, tcp, rev):
        self.seen["tcp"] += 1
        check_tcp(tcp, self.packet[TCP], network_of(self.packet))

    def udp(self, rec, udp, rev):
        self.seen["udp"] += 1
        check_udp(udp, self.packet[UDP], network_of(self.packet))

    def icmp4(self, rec, ip, q, rev):
        self.seen["icmp"] += 1
        check_icmp(ip.icmp, self.packet[ICMP], network_of(self.packet), q)

    def icmp6(self, rec, ip6, q, rev):
        self.seen["icmp"] += 1
        check_icmp(ip6.icmp6, self.packet[IPv6].payload, network_of(self.packet), q)

    def l4(self, rec, pkt, rev):
        self.seen["l4"] += 1
        check("pkt.data", bytes(pkt.data), self.packet.original)
        if pkt.sctp is not None:
            self.seen["sctp"] += 1
            check_sctp(pkt.sctp, self.packet[SCTP], network_of(self.packet))


def compare(trace):
    link, packets = traces.read(trace)
    readings = [dissected(link, data) for data in packets]
    chain = Comparing([one for one in readings if network_of(one) is not None])
    list(Observer(str(trace), chains=[chain]))
    check("packets not seen", len(chain.readings), 0)
    return chain.seen


def of_the_corpus(_):
    found = traces.corpus()
    if not found:
        print("SKIPPED: no reference traces")
        sys.exit(77)
    total = {}
    for trace in found:
        before = len(problems)
        for kind, count in compare(trace).items():
            total[kind] = total.get(kind, 0) + count
        problems[before:] = [f"{trace.name}: {line}" for line in problems[before:]]
    assert not problems, "\n".join(problems[:30])
    assert all(total[kind] > 0 for kind in ("ip", "tcp", "udp", "icmp")), total


def of_packets_of_every_kind(folder):
    seen = compare(traces.write(folder + "/all.pcap", scapy_packets.all_packets()))
    assert not problems, "\n".join(problems[:30])
    assert all(seen.values()), seen


def with_padding_and_a_tag(folder):
    """Ethernet padding is never data; tags are looked through."""
    from scapy.layers.l2 import Dot1Q

    small = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"abc"
    frames = [bytes(Ether() / small) + b"\0" * 15, bytes(Ether() / Dot1Q(vlan=7) / small) + b"\0" * 11]
    seen = []

    class Looking(Chain):
        def new_flow(self, rec, ip):
            return True

        def udp(self, rec, udp, rev):
            seen.append((udp.vlan_id, udp.ethertype, udp.linktype, udp.size, bytes(udp.payload.data), udp.capture_len))

    list(Observer(traces.write(folder + "/padded.pcap", frames, traces.LINK_ETHERNET), chains=[Looking]))
    assert seen == [(0, 0x800, 2, 11, b"abc", 60), (7, 0x800, 2, 11, b"abc", 60)], seen


def prefixes_answer_as_ipp_does(_):
    prefix, from_s = _spiderling.IPprefix, _spiderling.from_s
    one, two = from_s("192.0.2.1"), from_s("192.0.2.129")
    net = from_s("192.0.2.0/25")
    assert (one.version, bytes(one.addr), one.length) == (4, bytes([192, 0, 2, 1]), None)
    assert (str(net), net.length, net.width) == ("192.0.2.0/25", 25, 24)
    assert net.is_prefix(one) and not net.is_prefix(two) and one.first_bit_different(two) == 24
    assert one < two and net < one and sorted([two, one, net]) == [net, one, two] and one == prefix(4, b"\xc0\0\2\1")
    assert one.equal(prefix(4, one.addr, 24)) and one != prefix(4, one.addr, 24) and hash(one) == hash(from_s("192.0.2.1"))
    assert one.has_bit_set(0) and not one.has_bit_set(2) and str(one.complement) == "63.255.253.254"
    assert from_s("10.1.2.3").is_rfc1918 and from_s("172.31.0.1").is_rfc1918 and not from_s("172.32.0.1").is_rfc1918
    assert str(from_s("2001:DB8:0:0::1/64")) == "2001:db8::1/64"
    one.length = 8
    assert str(one) == "192.0.2.1/8"
    for wrong in ("", "192.0.2", "192.0.2.1/33", "x/8", "192.0.2.1/", "192.0.2.1\0", "192.0.2.1/8\0x"):
        try:
            from_s(wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)
    for version, data in ((4, b"123"), (5, b"1234"), (6, b"1234")):
        try:
            prefix(version, data)
        except ValueError:
            continue
        raise AssertionError((version, data))
    for problem, ask in ((ValueError, lambda: one.is_prefix(from_s("2001:db8::1"))), (TypeError, lambda: one.is_prefix("192.0.2.1")),
                         (ValueError, lambda: one.first_bit_different(from_s("::1"))), (ValueError, lambda: one.has_bit_set(32)),
                         (ValueError, lambda: one.has_bit_set(-1)), (TypeError, lambda: one.has_bit_set("1")),
                         (ValueError, lambda: setattr(one, "length", 33)), (TypeError, lambda: from_s(b"192.0.2.1"))):
        try:
            ask()
        except problem:
            continue
        raise AssertionError(problem)
    assert one.length == 8 and not one.equal("192.0.2.1") and one != "192.0.2.1" and from_s("::1").first_bit_different(from_s("::1")) == 128


def chunks_of_sctp_end_where_they_must(_):
    """However their lengths lie (RFC 9260, section 3.2)."""
    from spiderling.testing import Packets, run_chain

    class Chunks(Chain):
        def new_flow(self, rec, ip):
            rec["chunks"] = None

        def l4(self, rec, pkt, rev):
            rec["chunks"] = [(one.type, one.flags, one.length, one.is_ok, bytes(one.bytes)) for one in pkt.sctp.chunks]

    def of(chunks):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32 + len(chunks), 1, 0, 64, 132, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
        packets = Packets().add(ip + struct.pack("!HHII", 5000, 5001, 1, 0) + chunks, link_type=101)
        return [tuple(one) for one in run_chain(Chunks, packets)["chunks"]]

    whole = bytes([0, 3, 0, 8]) + b"four"
    good = (0, 3, 8, True, b"four")
    assert of(b"") == [] and of(whole) == [good] and of(whole + whole) == [good, good]
    for length in range(4):  # it does not even have its own header
        assert of(whole + bytes([9, 0, 0, length]) + whole) == [good], length
    assert of(bytes([1, 0, 0, 5]) + b"x\0\0\0" + whole) == [(1, 0, 5, True, b"x"), good], "padding is no part of it"
    assert of(bytes([1, 0, 0, 5]) + b"x") == [(1, 0, 5, True, b"x")] and of(whole + b"\1\2\3") == [good]
    assert of(whole + bytes([1, 0, 255, 255]) + b"more") == [good, (1, 0, 65535, False, b"more")], "more than was captured"


ATTRIBUTES = [name for kind in ("Packet", "IP", "IP6", "TCP", "UDP", "ICMP", "ICMP6", "SCTP")
              for name in dir(getattr(_spiderling, kind)) if not name.startswith("_")]


class Prying(Chain):
    """Asks every header for everything."""

    def __init__(self):
        self.refused = 0
        self.answered = 0

    def new_flow(self, rec, ip):
        self.pry(ip)

    def pry(self, header, depth=0):
        for name in set(ATTRIBUTES):
            if not hasattr(type(header), name):
                continue
            try:
                value = getattr(header, name)
                if callable(value):
                    value = value(2) if name == "option" else value()
            except ValueError as problem:
                assert "too short" in str(problem), (name, problem)
                self.refused += 1
                continue
            self.answered += 1
            if depth < 2 and isinstance(value, _spiderling.Data) and value is not header:
                self.pry(value, depth + 1)

    def ip4(self, rec, ip, rev):
        self.pry(ip)

    ip6 = ip4

    def icmp4(self, rec, ip, q, rev):
        self.pry(ip.icmp)
        if q is not None:
            self.pry(q)

    def icmp6(self, rec, ip6, q, rev):
        self.pry(ip6.icmp6)
        if q is not None:
            self.pry(q)

    def tcp(self, rec, tcp, rev):
        self.pry(tcp)
        tcp_options(tcp)

    def udp(self, rec, udp, rev):
        self.pry(udp)

    def l4(self, rec, pkt, rev):
        self.pry(pkt)


def of_damaged_packets(folder):
    """Everything is asked of packets that are cut and wrong: what was not captured is a ValueError, nothing else happens."""
    packets = traces.damaged(scapy_packets.all_packets(), 700, seed=int(os.environ.get("SEED", "3")))
    prying = Prying()
    observer = Observer(traces.write(folder + "/damaged.pcap", packets), chains=[prying])
    list(observer)
    assert prying.answered > 10000 and prying.refused > 10, (prying.answered, prying.refused)
    assert observer.counters["malformed"] > 0 and observer.counters["short"] > 0


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
