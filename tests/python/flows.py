"""Connections as they may be, and worse: their packets and what a worker would have said of them. Only for tests.

make() writes a results file as `measure --output-flows` does, of conditions without a meaning, and the packets; `spiderling
replay` then draws the native conditions from them.
"""
import datetime
import ipaddress
import json
import random
import struct

import traces

START = 1600000000
FIN, SYN, RST, ACK, ECE, CWR = 1, 2, 4, 0x10, 0x40, 0x80
MSS, WINDOW, SACK, TIMESTAMPS, FAST_OPEN = 2, 3, 4, 8, 34
OPTIONS = {TIMESTAMPS: bytes(8), WINDOW: b"\7", SACK: b""}

# What each connection is to have on its SYN or datagram.
WANTED = {
    "ecn": [{}, {"flags": SYN | ECE | CWR}],
    "tfo": [{}, {"cookie": b""}, {"cookie": bytes(8), "data": b"GET /"}],
    "dscp": [{"dscp": 0}, {"dscp": 48}],
    "mss": [{}],
    "tcpopt": [{}, {"options": (TIMESTAMPS,)}, {"options": (WINDOW,)}, {"options": (SACK,)}],
    "udpzero": [{"udp": True, "data": b"?"}, {"udp": True, "zero": True, "data": b"?"}],
    "evilbit": [{}, {"evil": True}],
    "h2": [{}, {}],
}


def ip(chance, source, destination, protocol, payload, dscp=0, evil=False):
    ecn = chance.choice((0, 0, 0, 1, 2, 3))
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28 | (dscp << 2 | ecn) << 20, len(payload), protocol, 64) + source.packed + destination.packed + payload
    return struct.pack("!BBHHHBBH", 0x45, dscp << 2 | ecn, 20 + len(payload), 1, 0x8000 if evil else 0, 64, protocol,
                       0) + source.packed + destination.packed + payload


def tcp(sp, dp, seq, ack, flags, options=b"", data=b""):
    options += b"\0" * (-len(options) % 4)
    return struct.pack("!HHIIBBHHH", sp, dp, seq, ack, (20 + len(options)) // 4 << 4, flags, 65535, 0, 0) + options + data


def udp(sp, dp, data, zero=False):
    return struct.pack("!HHHH", sp, dp, 8 + len(data), 0 if zero else 0x1234) + data


def option(kind, value):
    return bytes((kind, len(value) + 2)) + value


class Connection:
    """One connection: `packets`, a list of (seconds, bytes), and `told`, its flow_result."""

    def __init__(self, chance, wanted, dip, sp, at):
        self.chance, self.dip, self.sp, self.dp, self.at = chance, dip, sp, 80, at
        self.sip = ipaddress.ip_address("192.0.2.10" if dip.version == 4 else "2001:db8:a::10")
        # Now and then something is sent that was not wanted.
        wanted = dict(wanted) if chance.random() < 0.9 else dict(chance.choice([one for all_ in WANTED.values() for one in all_]))
        self.is_udp = wanted.pop("udp", False)
        self.packets = []
        self.state = chance.choices(range(5), (60, 12, 12, 1, 1))[0]
        observed = chance.random() < 0.94
        if observed:
            (self.datagrams if self.is_udp else self.segments)(**wanted)
        rfc3339 = [datetime.datetime.utcfromtimestamp(START + seconds).isoformat() + "Z" for seconds in (at, at + 2)]
        self.told = {
            "sip": str(self.sip), "dip": str(dip), "sp": sp, "dp": self.dp, "proto": 17 if self.is_udp else 6,
            "observed": observed, "lossy": chance.random() < 0.1, "spdr_state": self.state, "spdr_start": rfc3339[0],
            "spdr_stop": rfc3339[1], "pkt_last": START + at + 2.0, **chance.choice(({}, {"http_version": "2"}, {"http_version": "1.1"})),
        }

    def send(self, after, protocol, payload, back=False, **mark):
        source, destination = (self.dip, self.sip) if back else (self.sip, self.dip)
        self.packets.append((self.at + after, ip(self.chance, source, destination, protocol, payload, **mark)))

    def mark(self):
        return {"dscp": self.chance.choice((0, 0, 8, 48)), "evil": self.chance.random() < 0.5}

    def datagrams(self, zero=False, data=b"?", dscp=0, evil=False, **_):
        self.send(0.01, 17, udp(self.sp, self.dp, data, zero), dscp=dscp, evil=evil)
        if self.chance.random() < 0.7:
            valid = struct.pack("!HHHHHH", 7, 0x8180, 1, 0, 0, 0) + b"\1a\0" + struct.pack("!HH", 1, 1)
            self.send(0.02, 17, udp(self.dp, self.sp, self.chance.choice((valid, valid, b"junk"))), back=True, **self.mark())

    def segments(self, flags=SYN, cookie=None, data=b"", options=(), dscp=0, evil=False, **_):
        chance, seq = self.chance, self.chance.choice((7, 0xFFFFFFFF, 0xFFFFFFFC))
        mine = b"".join(option(kind, OPTIONS[kind]) for kind in options)
        if chance.random() < 0.95:
            mine = option(MSS, struct.pack("!H", 1460)) + mine
        asked = mine if cookie is None else mine + option(FAST_OPEN, cookie)
        if chance.random() < 0.2:
            data = b""
        self.send(0.01, 6, tcp(self.sp, self.dp, seq, 0, flags, asked, data), dscp=dscp, evil=evil)
        if chance.random() < 0.1:  # again, as a kernel that retreats would
            self.send(0.6, 6, tcp(self.sp, self.dp, seq, 0, SYN, mine), dscp=dscp, evil=evil)
        answer = chance.random()
        if answer < 0.1:
            return
        if answer < 0.2:
            self.send(0.7, 6, tcp(self.dp, self.sp, 0, seq + 1 & 0xFFFFFFFF, RST | ACK), back=True, **self.mark())
            return
        theirs = b"".join(option(kind, value) for kind, value in OPTIONS.items() if chance.random() < 0.4)
        if chance.random() < 0.8:
            theirs += option(MSS, struct.pack("!H", chance.choice((536, 1460, 1460, 9000))))
        if cookie is not None and chance.random() < 0.6:
            theirs += option(FAST_OPEN, bytes(8))
        acknowledged = chance.choice((1, 1 + len(data), 2)) + seq & 0xFFFFFFFF
        self.send(chance.choice((0.7, 0.7, 1.1)), 6,
                  tcp(self.dp, self.sp, 9, acknowledged, chance.choice((SYN | ACK, SYN | ACK | ECE, SYN | ACK | ECE | CWR, SYN | ACK | CWR)), theirs),
                  back=True, **self.mark())
        if chance.random() < 0.7:
            self.send(1.2, 6, tcp(self.sp, self.dp, seq + 1 & 0xFFFFFFFF, 10, ACK, data=b"GET /"), dscp=dscp, evil=evil)
            self.send(1.3, 6, tcp(self.dp, self.sp, 10, seq + 6 & 0xFFFFFFFF, ACK, data=b"200"), back=True, **self.mark())


def make(folder, measurement, jobs, seed, wanted=None):
    """(results, packets): files of so many jobs."""
    chance = random.Random(f"{measurement} {seed}")
    lines, packets = [], []
    for number in range(jobs):
        dip = ipaddress.ip_address("198.51.100.0" if chance.random() < 0.5 else "2001:db8:b::") + 1 + number % 200
        made = [Connection(chance, one, dip, 10000 + 8 * number + config, number * 0.001)
                for config, one in enumerate(wanted or WANTED[measurement])]
        packets += [packet for one in made for packet in one.packets]
        told = [{**one.told, "config": config, "jobId": number + 1} for config, one in enumerate(made)]
        lines.append(json.dumps({"dip": str(dip), "dp": 80, "sip": told[0]["sip"], "conditions": [], "missed_flows": 0, "flow_results": told}))
    results = f"{folder}/{measurement}.ndjson"
    with open(results, "w") as file:
        file.write("\n".join(lines) + "\n")
    return results, traces.write(f"{folder}/{measurement}.pcap", sorted(packets))
