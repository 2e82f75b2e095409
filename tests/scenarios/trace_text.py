"""Traces written as text, a packet a line, and made into capture files.

    let C = 10.0.0.1:40000                  a name for an endpoint: ADDRESS:PORT, [ADDRESS]:PORT or ADDRESS
    link raw                                ethernet (if nothing is said) null loop ppp raw sll sll2, or a number
    format pcapng                           pcap (if nothing is said) pcap-ns pcap-be pcap-ns-be pcapng
    0.0   C > S tcp S ecn=ect0 mss=1460     seconds from the start of the trace, +SECONDS from the packet before
    +0.1  S > C icmp 3/1 { C > S tcp S }    an ICMP error about the packet in braces
    +0.1  C > S udp dns=query:example.org
    +0.1  C > S ip proto=88 len=20          any other protocol
    +0.1  frame hex=ffff                    bytes as they are; a link header only if the line has ether=TYPE
    random 200 seed=3                       so many frames of random bytes, a millisecond apart
    repeat 1000 +0.001 10.0.0.1:{1000+i} > S udp len=10     the line so many times, {..} counted up from 0

TCP flags: F S R P A U E(CE) C(WR).
Payload:   len=N  text="..."  hex=..  dns=query:NAME  dns=response:NAME
IP:        dscp= ecn=ect0|ect1|ce ttl= id= df evil iplen= ihl= version= ipopts=HEX ext=hop,route,dest (IPv6)
Fragments: split=BYTES order=1,0 drop=0
TCP:       seq= ack= doff= mss= ws= sack ts tfo=COOKIE tfoexp=COOKIE opts=HEX
UDP:       zero (no checksum) udplen=          ICMP: quoted=BYTES (of the quotation)
Frame:     vlan=10,20 mpls=16,17 pad=BYTES (behind the datagram) snap=BYTES (captured) wire=BYTES ether=TYPE

As a program: trace_text.py TEXT CAPTURE
"""
import random
import re
import shlex
import struct
import sys

import packets

START = 1_600_000_000  # the second that 0.0 stands for


def split_options(tokens):
    options = {}
    for token in tokens:
        name, _, value = token.partition("=")
        options[name] = value
    return options


class Trace:
    """Lines in, (nanoseconds, bytes, wire length) out."""

    def __init__(self):
        self.names = {}
        self.link = packets.LINKS["ethernet"]
        self.format = "pcap"
        self.now = START * 10**9
        self.frames = []

    def read(self, lines):
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if line and not line.startswith("#"):
                try:
                    self.line(line)
                except (KeyError, IndexError, ValueError, struct.error) as problem:
                    raise SystemExit(f"trace line {number}: {line}\n{type(problem).__name__}: {problem}") from problem
        return self

    def line(self, line):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "let":
            name, _, value = rest.partition("=")
            self.names[name.strip()] = value.strip()
        elif word == "link":
            self.link = packets.LINKS[rest] if rest in packets.LINKS else int(rest, 0)
        elif word == "format":
            self.format = rest
        elif word == "random":
            self.random(rest)
        elif word == "repeat":
            count, _, pattern = rest.partition(" ")
            for i in range(int(count)):
                self.line(re.sub(r"\{([0-9+*%i/]+)\}", lambda match: str(eval(match.group(1), {"i": i})), pattern))
        else:
            self.packet(word, rest)

    def packet(self, time, text):
        nanoseconds = round(float(time.lstrip("+")) * 10**9)
        self.now = self.now + nanoseconds if time.startswith("+") else START * 10**9 + nanoseconds
        if text.startswith("frame"):
            options = split_options(shlex.split(text)[1:])
            data = packets.payload(options, "frame")
            made = [packets.frame(data, self.link, options) if "ether" in options else data]
        else:
            made, options = self.datagrams(text)
            made = [packets.frame(datagram, self.link, options) for datagram in made]
        for at, data in enumerate(made):
            wire = int(options.get("wire", len(data)))
            self.frames.append((self.now + at * 1000, data[:int(options.get("snap", len(data)))], wire))

    def random(self, text):
        count, *rest = text.split()
        source = random.Random(int(split_options(rest).get("seed", "1")))
        for _ in range(int(count)):
            self.now += 10**6
            data = source.randbytes(source.randint(0, 200))
            self.frames.append((self.now, data, len(data)))

    def datagrams(self, text):
        """SRC > DST PROTOCOL [FLAGS or TYPE/CODE] [{ QUOTED }] [OPTION...] -> datagrams, options"""
        quotation = None
        if "{" in text:
            before, _, rest = text.partition("{")
            inside, _, after = rest.rpartition("}")
            quotation = self.datagrams(inside)[0][0]
            text = before + after
        src, arrow, dst, protocol, *rest = shlex.split(text)
        if arrow != ">":
            raise ValueError("a packet is SRC > DST PROTOCOL ...")
        src = packets.endpoint(self.names.get(src, src))
        dst = packets.endpoint(self.names.get(dst, dst))
        kind = rest.pop(0) if protocol in ("tcp", "icmp") and rest and "=" not in rest[0] else ""
        options = split_options(rest)
        data, carried = self.transport(src, dst, protocol, kind, options, quotation)
        return packets.datagrams(src[0], dst[0], carried, data, options), options

    @staticmethod
    def transport(src, dst, protocol, kind, options, quotation):
        """The IP payload and its protocol number."""
        if protocol == "tcp":
            return packets.tcp_segment(src, dst, kind, options), 6
        if protocol in ("udp", "udplite"):
            carried = packets.PROTOCOLS[protocol]
            return packets.udp_datagram(src, dst, carried, options), carried
        if protocol == "icmp":
            carried = 1 if src[0].version == 4 else 58
            return packets.icmp_message(src, dst, kind, options, quotation), carried
        if protocol == "sctp":
            return struct.pack(">HHII", src[1], dst[1], 1, 0) + packets.payload(options, protocol), 132
        if protocol == "ip":
            return packets.payload(options, protocol), int(options["proto"], 0)
        raise ValueError(f"no protocol '{protocol}'")

    def file(self):
        """The bytes of the capture file."""
        if self.format == "pcapng":
            return self.pcapng()
        order = ">" if "-be" in self.format else "<"
        unit, magic = (1, 0xA1B23C4D) if "-ns" in self.format else (1000, 0xA1B2C3D4)
        parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, self.link)]
        for time, data, wire in self.frames:
            seconds, rest = divmod(time, 10**9)
            parts += [struct.pack(order + "IIII", seconds, rest // unit, len(data), wire), data]
        return b"".join(parts)

    def pcapng(self):
        """One section, one interface, nanoseconds (if_tsresol 9)."""
        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            length = struct.pack("<I", len(body) + 12)
            return struct.pack("<I", kind) + length + body + length

        parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
                 block(1, struct.pack("<HHI", self.link, 0, 262144) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))]
        for time, data, wire in self.frames:
            parts.append(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), wire) + data))
        return b"".join(parts)


def capture_of(text):
    return Trace().read(text.splitlines()).file()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source, open(sys.argv[2], "wb") as target:
        target.write(capture_of(source.read()))
