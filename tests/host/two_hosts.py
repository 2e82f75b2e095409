"""Two hosts on one link: this process is one, in a network namespace of its own; the other is a namespace that a child
holds. Packets are seen on the other's end, as they came over the wire. Nothing outlives the test's process.
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "netns"))

import namespace
from namespace import DEADLINE, ip, skip, wait_for  # noqa: F401

OURS, PEER = "10.77.0.1", "10.77.0.2"
OURS6, PEER6 = "fd77::1", "fd77::2"
FAR, FAR6 = "192.0.2.80", "2001:db8::80"  # behind the peer, by the default route
FIN, SYN, RST, PSH, ACK, ECE, CWR = 1, 2, 4, 8, 16, 64, 128
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Into a namespace of our own, as root, with nft; else skips."""
    if os.geteuid() != 0:
        skip("needs root")
    for tool in ("nft", "ip"):
        if not any(os.access(f"{folder}/{tool}", os.X_OK) for folder in (*os.environ["PATH"].split(":"), "/usr/sbin", "/sbin")):
            skip(f"needs {tool}")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    namespace.enter(sys.argv)


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def checksums_in_software(interface):
    """What a real card computes as a packet leaves, a virtual one leaves undone, unless it says that it cannot."""
    set_transmit_checksums = 0x17
    value = ctypes.create_string_buffer(struct.pack("II", set_transmit_checksums, 0))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8946, request)  # SIOCETHTOOL


def sysctl(name, value=None):
    path = pathlib.Path("/proc/sys") / name.replace(".", "/")
    if value is not None:
        path.write_text(f"{value}\n")
    return path.read_text().strip()


class Peer:
    """The other host; its namespace lives as long as this process, which holds it open."""

    def __init__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        assert libc.unshare(CLONE_NEWNET) == 0
        self.network = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.ip("link set lo up")
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)
        os.set_inheritable(self.network, True)
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", f"/proc/{os.getpid()}/fd/{self.network}")
        ip(f"address add {OURS}/24 dev near")
        ip(f"address add {OURS6}/64 dev near nodad")
        checksums_in_software("near")
        ip("link set near up")
        with self.inside():
            for address in (f"{PEER}/24", f"{FAR}/32"):
                self.ip(f"address add {address} dev far")
            for address in (f"{PEER6}/64", f"{FAR6}/128"):
                self.ip(f"address add {address} dev far nodad")
            self.ip("link set far up")
            sysctl("net.ipv4.tcp_ecn", 2)
        wait_for(lambda: namespace.operational("near"), "the link to come up")
        ip(f"route add default via {PEER}")
        ip(f"-6 route add default via {PEER6}")
        self.accepted = []

    @staticmethod
    def ip(command):
        run("ip", *command.split())

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        assert libc.setns(self.network, CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0
            os.close(home)

    def nft(self, text):
        with self.inside():
            run("nft", "-f", "-", text=text)

    def listen(self):
        """A server on both families; its port."""
        with self.inside():
            server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen(64)
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()
        return server.getsockname()[1]

    def _serve(self, server):
        while True:
            self.accepted.append(server.accept()[0])

    def capture(self):
        return Capture(self)


class Segment:
    """A TCP segment as it came, and what is true of it."""

    def __init__(self, packet):
        self.v6 = packet[0] >> 4 == 6
        if self.v6:
            self.traffic_class = struct.unpack("!H", packet[:2])[0] >> 4 & 0xFF
            source, destination, start, end = packet[8:24], packet[24:40], 40, 40 + struct.unpack("!H", packet[4:6])[0]
            self.header_sum = 0xFFFF
        else:
            self.traffic_class = packet[1]
            start, end = (packet[0] & 15) * 4, struct.unpack("!H", packet[2:4])[0]
            source, destination = packet[12:16], packet[16:20]
            self.header_sum = ones_sum(packet[:start])
        self.protocol = packet[6] if self.v6 else packet[9]
        self.tcp = packet[start:end]
        if self.protocol != 6:
            return
        pseudo = source + destination + struct.pack("!II", len(self.tcp), 6)
        self.tcp_sum = ones_sum(pseudo + self.tcp)
        self.source_port, self.port = struct.unpack("!HH", self.tcp[:4])
        self.reserved, self.flags = self.tcp[12] & 15, self.tcp[13]
        self.payload = self.tcp[(self.tcp[12] >> 4) * 4:]
        self.ecn = self.traffic_class & 3
        self.dscp = self.traffic_class >> 2

    @property
    def is_syn(self):
        return self.flags & (SYN | ACK) == SYN

    @property
    def asks_for_ecn(self):
        return self.flags & (ECE | CWR) == ECE | CWR

    def check_sums(self):
        assert self.header_sum == 0xFFFF, "wrong checksum of the IP header"
        assert self.tcp_sum == 0xFFFF, f"wrong checksum of TCP: {self}"

    def mss(self):
        options = self.tcp[20:(self.tcp[12] >> 4) * 4]
        while options and options[0] != 0:
            if options[0] == 1:
                options = options[1:]
                continue
            if options[0] == 2:
                return struct.unpack("!H", options[2:4])[0]
            options = options[options[1]:]
        return None

    def __repr__(self):
        return f"<{'v6' if self.v6 else 'v4'} {self.source_port}>{self.port} flags {self.flags:#x} ecn {self.ecn} {len(self.payload)} bytes>"


def ones_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Capture:
    """What arrives at the peer, before its own rules see it."""

    def __init__(self, peer):
        with peer.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            self.socket.bind(("far", 3))
        self.socket.settimeout(0.05)
        self.segments = []

    def read(self):
        while True:
            try:
                packet, address = self.socket.recvfrom(65536)
            except TimeoutError:
                return self.segments
            if address[2] == socket.PACKET_OUTGOING or packet[0] >> 4 not in (4, 6):
                continue
            segment = Segment(packet)
            if segment.protocol == 6:
                self.segments.append(segment)

    def to(self, port):
        return [segment for segment in self.read() if segment.port == port]

    def wait(self, port, condition, what):
        wait_for(lambda: condition(self.to(port)), what)
        return self.to(port)


class Driver:
    """host_driver, running in this namespace."""

    def __init__(self, directory, prefix=(), quiet=False):
        die_with_test = ("setpriv", "--pdeathsig", "KILL")
        self.process = subprocess.Popen([*die_with_test, *prefix, os.environ["HOST_DRIVER"], str(directory)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE if quiet else None, text=True, bufsize=1)
        self.found = []
        self.start = self.process.stdout.readline().strip()
        while self.start.startswith("found "):
            self.found.append(self.start[6:])
            self.start = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def ask(self, line):
        self.tell(line)
        return self.process.stdout.readline().strip()

    def ok(self, line):
        answer = self.ask(line)
        assert answer.startswith("ok"), f"{line}: {answer}"
        return answer[3:].strip()

    def refused(self, line):
        answer = self.ask(line)
        assert answer.startswith("error "), f"{line}: {answer}"
        return answer[6:]

    def quit(self):
        assert self.start == "ready", self.start
        assert self.ask("quit") == "bye"
        assert self.process.wait(DEADLINE) == 0


def main(functions):
    enter()
    began = time.monotonic()
    functions[sys.argv[1]]()
    print(f"{sys.argv[1]}: as it must be ({time.monotonic() - began:.1f} s)")
