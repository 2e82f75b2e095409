"""Packets sent into a lab on one side of its router, and what comes out on the other. Built by scapy: not by us."""
import copy
import socket
import struct
import time

from sandbox import DEADLINE, Place

import logging
logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6  # noqa: E402,F401
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

SO_RCVBUFFORCE = 33  # asm-generic/socket.h; not in Python

PROBER4, PROBER6 = "100.64.0.2", "fd53:7069:6465::2"
OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1000, 0)), ("NOP", None), ("WScale", 7)]
TFO = (34, b"12345678")
TFO_EXPERIMENT = (254, b"\xf9\x89\x01\x02")


def header(version, source, destination, tos=0, flags=0):
    if version == 4:
        return IP(src=source, dst=destination, tos=tos, flags=flags, id=1, ttl=64)
    return IPv6(src=source, dst=destination, tc=tos, hlim=64)


def battery(version, to_target):
    """name -> a function of (source, destination, local port, target's port) that makes a packet of that kind."""
    def segment(flags, tos=0, options=(), data=b"", ip_flags=0):
        def make(source, destination, local, port):
            ports = (local, port) if to_target else (port, local)
            packet = header(version, source, destination, tos, ip_flags) / TCP(
                sport=ports[0], dport=ports[1], flags=flags, seq=1, ack=2, options=list(options))
            return packet / Raw(data) if data else packet
        return make

    def datagram(checksum=None, tos=0):
        def make(source, destination, local, port):
            ports = (local, port) if to_target else (port, local)
            return header(version, source, destination, tos) / UDP(sport=ports[0], dport=ports[1], chksum=checksum) / Raw(b"data")
        return make

    kinds = {
        "plain SYN": segment("S", options=OPTIONS),
        "ECN SYN": segment("SEC", options=OPTIONS),
        "SYN with data": segment("S", options=[*OPTIONS, TFO], data=b"GET"),
        "SYN with the experimental TFO option": segment("S", options=[("MSS", 1460), TFO_EXPERIMENT]),
        "SYN with the MSS option at an odd offset": segment("S", options=[("NOP", None), ("MSS", 1200)]),
        "plain SYN/ACK": segment("SA", options=OPTIONS),
        "SYN/ACK with ECE": segment("SAE", options=[*OPTIONS, TFO]),
        "ECT(0) data": segment("PA", tos=2, options=[("Timestamp", (5, 6)), ("NOP", None), ("NOP", None)], data=b"data"),
        "ECT(1) data with DSCP 46": segment("PA", tos=46 << 2 | 1, data=b"data"),
        "CE data with ECE": segment("AE", tos=3, data=b"data"),
        "FIN": segment("FA"),
        "UDP": datagram(tos=10 << 2),
        "UDP without a checksum": datagram(checksum=0),
    }
    if version == 4:
        kinds["data with the reserved bit"] = segment("PA", data=b"data", ip_flags="evil")
        kinds["SYN with the reserved bit and DF"] = segment("S", options=OPTIONS, ip_flags="evil+DF")
    return kinds


class Side:
    """A link of the router, seen from its far end: frames in and out."""

    def __init__(self, scenario, place, interface, own_mac, router_mac):
        self.link = Ether(src=own_mac, dst=router_mac)

        def open_socket():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            raw.bind((interface, 0))
            return raw

        self.socket = Place(scenario, place).within(open_socket)

    def send(self, packet):
        self.socket.send(bytes(self.link / packet))

    def receive(self, deadline):
        """The next IP packet that came in, as bytes, and when; what was sent from here does not count."""
        while True:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            frame, address = self.socket.recvfrom(65535)
            if address[2] != socket.PACKET_OUTGOING and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                return frame[14:], time.monotonic()


class Wire:
    """Both sides of the router of a lab that is up."""

    def __init__(self, scenario):
        self.prober = Side(scenario, "prober", "lab0", "02:00:00:00:00:02", "02:00:00:00:00:01")
        self.servers = Side(scenario, "servers", "router0", "02:00:00:00:01:02", "02:00:00:00:01:01")
        self.marks = 0

    def through(self, packets, to_target, clean, wanted=None):
        """What of `packets` comes out on the other side: [(bytes, time)]. Behind them goes one that a clean path surely lets
        through, and when that has come out, all others have or never will. `wanted`: wait for so many, where packets are
        held or take another way."""
        sender, receiver = (self.prober, self.servers) if to_target else (self.servers, self.prober)
        self.marks += 1
        mark = struct.pack("!8sI", b"the mark", self.marks)
        source, destination = (PROBER4, clean) if to_target else (clean, PROBER4)
        for packet in packets:
            sender.send(packet)
        sender.send(IP(src=source, dst=destination) / UDP(sport=9, dport=9) / Raw(mark))
        came, marked = [], False
        ours = {(flow_of(bytes(packet))) for packet in packets}
        deadline = time.monotonic() + DEADLINE
        while not (marked and (wanted is None or len(came) >= wanted)):
            packet, when = receiver.receive(deadline)
            if mark in packet:
                marked = True
            elif flow_of(packet) in ours:
                came.append((packet, when))
        return came


def flow_of(packet):
    """Addresses and the port of the prober's side: the target's may be changed on the way."""
    if packet[0] >> 4 == 4:
        addresses, ports = packet[12:20], packet[20:24]
    else:
        addresses, ports = packet[8:40], packet[40:44]
    low, high = sorted(struct.unpack("!HH", ports))
    return addresses, high if high >= 20000 else low


def expect(packet, hops=1, **changes):
    """The bytes of `packet` behind so many routers, with changes; scapy fills the checksums in anew."""
    changed = copy.deepcopy(packet)
    if IP in changed:
        changed[IP].ttl -= hops
    else:
        changed[IPv6].hlim -= hops
    for name, value in changes.items():
        if name == "tos":
            setattr(changed[0], "tos" if IP in changed else "tc", value)
        elif name == "ip_flags":
            changed[IP].flags = value
        elif name == "dport":
            changed[TCP].dport = value
        elif name == "sport":
            changed[TCP].sport = value
        else:
            setattr(changed[TCP], name, value)
    return bytes(changed)
