"""Traces for the tests of the observer: the reference corpus, packets made by scapy, and damaged ones. Only for tests."""
import json
import os
import pathlib
import random
import struct

ROOT = pathlib.Path(os.environ["SPIDERLING_ROOT"])
SETS = {
    "headers": "basic tcp ecn dscp mss tfo tcpopt udp evil",
    "icmp": "basic icmp",
    "dns": "basic dns",
}


def corpus():
    """The reference traces; empty where they are not at hand."""
    folder = pathlib.Path(os.environ.get("SPIDERLING_CORPUS") or ROOT / ".." / "shared" / "corpus")
    return sorted(folder.glob("*.pcap"))


def expected(trace, name):
    """The records that a set of chains must give, or []."""
    file = trace.parent / "expected" / f"{trace.stem}.{name}.ndjson"
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def same(want, got):
    if isinstance(want, float) or isinstance(got, float):
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (want, got))
        return numbers and abs(want - got) < 1e-6
    return type(want) is type(got) and want == got


def differences(want, got, only=None):
    """What is different between two lists of records, in lines; `only`: of these fields."""
    want, got = (sorted(records, key=lambda record: record["pkt_first"]) for records in (want, got))
    if len(want) != len(got):
        return [f"{len(want)} records expected, there are {len(got)}"]
    lines = []
    for number, (one, other) in enumerate(zip(want, got)):
        names = only if only is not None else one.keys() | other.keys()
        lines += [f"record {number}: {name} is {other.get(name, 'missing')!r}, not {one.get(name, 'missing')!r}"
                  for name in sorted(names) if name not in one or name not in other or not same(one[name], other[name])]
    return lines


LINK_RAW_IP = 101
LINK_ETHERNET = 1


def write(path, packets, link=LINK_RAW_IP, step=0.001, start=1600000000):
    """A pcap file of (seconds behind the start,) bytes or bytes, a step apart."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for number, packet in enumerate(packets):
            at, data = packet if isinstance(packet, tuple) else (number * step, packet)
            micros = round((start + at) * 1_000_000)
            file.write(struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(data), len(data)) + data)
    return str(path)


def read(path):
    """(link type, [bytes of each packet]) of a pcap file of either byte order."""
    data = pathlib.Path(path).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(order + "I", data, 20)[0]
    packets, at = [], 24
    while at + 16 <= len(data):
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        packets.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return link, packets


def damaged(packets, count, seed=1):
    """These packets, cut, with wrong bits, wrong lengths, mixed up."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        data = bytearray(chance.choice(packets))
        for _ in range(chance.randrange(4)):
            if data:
                # Headers are at the front: that is where damage matters.
                place = chance.randrange(min(len(data), 120))
                data[place] = chance.choice((0, 0xFF, data[place] ^ 1 << chance.randrange(8), chance.randrange(256)))
        if chance.random() < 0.4:
            del data[chance.randrange(len(data) + 1) :]
        if chance.random() < 0.1:
            data += bytes(chance.randrange(256) for _ in range(chance.randrange(80)))
        made.append(bytes(data))
    return made
