"""Marked sockets, seen from the other end of the wire.

Usage: marks.py TEST      (the program is $HOST_DRIVER; exit status 77: not possible here)
"""
import pathlib
import socket
import struct
import tempfile

import two_hosts
from two_hosts import ACK, CWR, Driver, ECE, FAR, FAR6, OURS, OURS6, PEER, PEER6, Peer, RST, SYN, ip, run, sysctl, wait_for

EVERYWHERE = (PEER, PEER6, FAR, FAR6)
DROP_ECN_SYN = """table inet box { chain in { type filter hook prerouting priority raw;
  tcp flags & (syn | ack | ecn | cwr) == syn | ecn | cwr drop
}
}"""


class Hosts:
    """A peer that listens, a capture there, a driver here."""

    def __init__(self, *prefix):
        self.folder = tempfile.TemporaryDirectory(prefix="host-marks-")
        self.peer = Peer()
        self.port = self.peer.listen()
        self.capture = self.peer.capture()
        self.driver = Driver(pathlib.Path(self.folder.name) / "journal", prefix)
        assert self.driver.start == "ready", self.driver.start

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with self.folder, self.driver:
            if kind is None and self.driver.process.poll() is None:
                self.driver.quit()

    def connect(self, address, index):
        """The answer, and the connection's segments up to its data."""
        answer = self.driver.ok(f"connect {address} {self.port} {index}")
        mine = self.capture.wait(self.port, lambda all_: all_ and all_[-1].payload == b"hello", "the data")
        source = mine[-1].source_port
        segments = [segment for segment in mine if segment.source_port == source]
        for segment in segments:
            segment.check_sums()
        return answer, segments

    def expect(self, address, index, answer, syn_asks, data_ecn):
        got, segments = self.connect(address, index)
        assert got == answer, (address, got, answer)
        assert segments[0].is_syn, segments
        assert segments[0].asks_for_ecn == syn_asks, segments
        assert segments[0].reserved == 0, segments
        assert segments[-1].ecn == data_ecn, segments
        return segments


def on_asks_and_speaks():
    """Whatever net.ipv4.tcp_ecn says; nearby and behind a router, of both families."""
    with Hosts() as hosts:
        hosts.driver.ok("marks on")
        for setting in (2, 0, 1, 3):
            try:
                sysctl("net.ipv4.tcp_ecn", setting)
            except OSError:
                assert setting == 3  # AccECN is young
                continue
            for address in EVERYWHERE:
                hosts.expect(address, 0, "ecn", True, 2)
        for address in EVERYWHERE:
            assert hosts.driver.ok(f"ecn {address} 0") == "ecn"


def on_never_retreats():
    """tcp_ecn_fallback is on: the kernel sends the SYN again without asking. Marked ones go on to ask; nothing is lost
    of ECN by it. A peer that drops the first two SYNs, then no more."""
    with Hosts() as hosts:
        assert sysctl("net.ipv4.tcp_ecn_fallback") == "1"
        hosts.driver.ok("marks on")
        for address in (FAR, FAR6):
            hosts.peer.nft(DROP_ECN_SYN)
            hosts.driver.tell(f"connect {address} {hosts.port} 0")
            syns = hosts.capture.wait(hosts.port, lambda all_: sum(s.is_syn for s in all_) >= 3, "two more SYNs")
            assert not hosts.peer.accepted
            hosts.peer.nft("delete table inet box")
            assert hosts.driver.process.stdout.readline().strip() == "ok ecn"
            segments = hosts.capture.wait(hosts.port, lambda all_: all_[-1].payload == b"hello", "the data")
            syns = [segment for segment in segments if segment.is_syn]
            assert len(syns) >= 4, segments
            for syn in syns:
                syn.check_sums()
                assert syn.asks_for_ecn, segments
            assert segments[-1].ecn == 2, segments
            hosts.peer.accepted.clear()
            hosts.capture.segments.clear()


def on_with_fallback_retreats():
    """As the kernel does by itself: the connection comes about without ECN."""
    with Hosts() as hosts:
        hosts.driver.ok("marks on-with-fallback")
        hosts.peer.nft(DROP_ECN_SYN)
        for address in (FAR, FAR6):
            answer, segments = hosts.connect(address, 0)
            assert answer == "no-ecn", answer
            syns = [segment for segment in segments if segment.is_syn]
            assert syns[0].asks_for_ecn and not syns[-1].asks_for_ecn, segments
            assert segments[-1].ecn == 0, segments


def off_never_asks():
    """Whatever net.ipv4.tcp_ecn says; also if the peer grants what was not asked for."""
    with Hosts() as hosts:
        hosts.driver.ok("marks off")
        for setting in (2, 0, 1, 3):
            try:
                sysctl("net.ipv4.tcp_ecn", setting)
            except OSError:
                assert setting == 3
                continue
            for address in EVERYWHERE:
                hosts.expect(address, 0, "no-ecn", False, 0)
        sysctl("net.ipv4.tcp_ecn", 1)
        hosts.peer.nft("""table inet box { chain out { type filter hook output priority mangle
          tcp flags & (syn | ack) == syn | ack tcp flags set syn | ack | ecn
          tcp flags & syn == 0 ip ecn set ce
          tcp flags & syn == 0 ip6 ecn set ce
        }
        }""")
        for address in EVERYWHERE:
            hosts.peer.accepted.clear()
            answer, segments = hosts.connect(address, 0)
            assert answer == "ecn", answer  # so it believes, and would echo that a router marked what it got
            source = segments[0].source_port
            wait_for(lambda: hosts.peer.accepted, "the peer's end")
            before = len(hosts.capture.to(hosts.port))
            hosts.peer.accepted[0].send(b"marked")
            segments = hosts.capture.wait(hosts.port, lambda all_: len(all_) > before, "an acknowledgement")
            for segment in segments:
                if segment.source_port == source:
                    segment.check_sums()
                    assert segment.ecn == 0 and not segment.flags & (ECE | CWR), segments


def unmarked_is_untouched():
    with Hosts() as hosts:
        hosts.driver.ok("marks off on as-host")
        for setting, asks in ((1, True), (2, False), (0, False)):
            sysctl("net.ipv4.tcp_ecn", setting)
            for index in ("-", 2):  # no mark at all; the mark of a change that changes nothing
                for address in EVERYWHERE:
                    hosts.expect(address, index, "ecn" if asks else "no-ecn", asks, 2 if asks else 0)


def both_side_by_side():
    with Hosts() as hosts:
        off, on = hosts.driver.ok("marks off on").split()
        assert off != on
        for _ in range(3):
            for address in EVERYWHERE:
                hosts.expect(address, 0, "no-ecn", False, 0)
                hosts.expect(address, 1, "ecn", True, 2)
        hosts.driver.ok("verify")
        # A second program on the same host takes other marks.
        with Driver(pathlib.Path(hosts.folder.name) / "journal") as second:
            others = second.ok("marks off on").split()
            assert not {off, on} & set(others), others
            second.quit()
        hosts.expect(FAR, 1, "ecn", True, 2)
        hosts.driver.ok("verify")


def later_routes_are_noticed():
    with Hosts() as hosts:
        hosts.driver.ok("marks on")
        ip(f"route add 198.51.100.0/24 via {PEER}")
        assert "198.51.100.0/24" in hosts.driver.refused("verify")
        assert hosts.driver.ok("ecn 198.51.100.1 0") == "ecn"  # the copied default route is asked first
        ip("route del 198.51.100.0/24")
        hosts.driver.ok("verify")
        ip(f"route del default via {PEER}")
        assert "default" in hosts.driver.refused("verify")


def marks_in_use_are_not_taken():
    with Hosts() as hosts:
        everything = "add table inet mine; add chain inet mine c { type filter hook output priority 0; }; "
        bits = "".join(f"add rule inet mine c meta mark & {1 << bit:#x} == {1 << bit:#x} counter;" for bit in range(24, 31))
        run("nft", "-f", "-", text=everything + bits)
        why = hosts.driver.refused("marks on")
        assert "0x7f000000" in why and "nft" in why, why
        run("nft", "delete", "table", "inet", "mine")
        run("ip", "rule", "add", "fwmark", "0x0/0x7f000000", "lookup", "main", "pref", "100")
        why = hosts.driver.refused("marks on")
        assert "ip rule" in why and "100" in why, why
        run("ip", "rule", "del", "pref", "100")
        run("ip", "rule", "add", "fwmark", "0x1000000/0xff000000", "lookup", "main", "pref", "100")
        taken = int(hosts.driver.ok("marks on"))
        assert taken & 0x7F000000 == taken != 0x1000000, taken
        hosts.expect(FAR, 0, "ecn", True, 2)


def without_nft():
    with tempfile.TemporaryDirectory(prefix="host-marks-") as folder:
        # The folders of nft are seen empty: a namespace of mounts of the driver's own.
        hide = "for d in /usr/sbin /sbin; do mount -t tmpfs none $d; done; exec \"$0\" \"$@\""
        with Driver(f"{folder}/journal", ("unshare", "--mount", "sh", "-c", hide)) as driver:
            assert driver.start == "ready", driver.start
            why = driver.refused("marks on")
            assert "nft" in why and "still work" in why, why
            driver.quit()


def without_capability():
    with tempfile.TemporaryDirectory(prefix="host-marks-") as folder:
        with Driver(f"{folder}/journal", ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")) as driver:
            assert driver.start.startswith("error "), driver.start
            assert "CAP_NET_ADMIN" in driver.start and "still" in driver.start, driver.start


def many_kinds_of_routes():
    """Every route of the main table is copied whole, and all are removed again."""
    with Hosts() as hosts:
        for line in ("unreachable 10.1.0.0/16", "blackhole 10.2.0.0/16", "prohibit 10.3.0.0/16 metric 7",
                     f"10.4.0.0/16 via {PEER} mtu lock 1400 advmss 1300", f"10.5.0.0/16 via {PEER} metric 10",
                     f"10.5.0.0/16 via {PEER} metric 20", f"10.6.0.0/16 dev near src {OURS}",
                     f"10.7.0.0/16 nexthop via {PEER} weight 1 nexthop via 10.77.0.3 weight 3",
                     "10.8.0.0/16 via 172.16.0.1 dev near onlink", f"10.9.0.0/16 via inet6 {PEER6}",
                     "10.10.0.0/16 dev near features ecn", f"10.11.0.0/16 via {PEER} congctl reno"):
            ip("route add " + line)
        for line in ("unreachable fd01::/32", f"fd02::/32 via {PEER6} metric 5 mtu 1400",
                     f"fd03::/32 nexthop via {PEER6} nexthop via fd77::3", "fd04::/32 dev near", "blackhole fd05::/32"):
            ip("-6 route add " + line)
        ip(f"nexthop add id 7 via {PEER} dev near")
        ip("route add 10.12.0.0/16 nhid 7")
        ip(f"-6 nexthop add id 8 via {PEER6} dev near")
        ip("-6 route add fd06::/32 nhid 8")
        before = {family: run("ip", family, "route", "show", "table", "all") for family in ("-4", "-6")}
        hosts.driver.ok("marks on")
        for family in ("-4", "-6"):
            main = run("ip", family, "route", "show", "table", "main").splitlines()
            all_ = run("ip", family, "route", "show", "table", "all")
            copies = [line for line in all_.splitlines() if "proto 83" in line]
            assert len(copies) == sum(not line.startswith("\t") for line in main), (copies, main)
            assert all("features ecn" in line or "nexthop" in all_ for line in copies), copies
        for address in ("10.4.0.1", "10.5.0.1", "10.7.0.1", "10.8.0.1", "10.9.0.1", "10.12.0.1", "fd02::1", "fd03::1", "fd06::1"):
            assert hosts.driver.ok(f"ecn {address} 0") == "ecn", address
        hosts.expect(FAR, 0, "ecn", True, 2)
        hosts.driver.quit()
        after = {family: run("ip", family, "route", "show", "table", "all") for family in ("-4", "-6")}
        assert before == after, (before, after)


def after_privileges_are_dropped():
    """With CAP_NET_ADMIN alone: sockets can still be marked, settings changed, everything removed."""
    with Hosts() as hosts:
        hosts.driver.ok("marks off on")
        hosts.driver.ok("drop")
        status = pathlib.Path(f"/proc/{hosts.driver.process.pid}/status").read_text()
        assert "Uid:\t0" not in status and "CapEff:\t0000000000001000" in status, status
        hosts.expect(FAR, 1, "ecn", True, 2)
        hosts.driver.ok("sysctl net.ipv4.tcp_ecn=1")
        assert sysctl("net.ipv4.tcp_ecn") == "1"
        hosts.driver.ok("end")
        assert sysctl("net.ipv4.tcp_ecn") == "2"
        hosts.driver.ok("remove")
        assert "spiderling" not in run("nft", "list", "ruleset")
        hosts.driver.ok("marks on")
        hosts.expect(FAR, 0, "ecn", True, 2)
        hosts.driver.quit()
        assert "spiderling" not in run("nft", "list", "ruleset")
        assert not list((pathlib.Path(hosts.folder.name) / "journal").iterdir())


def dscp_and_mss_on_the_syn():
    with Hosts() as hosts:
        hosts.driver.ok("marks on")
        for address in (FAR, FAR6):
            hosts.driver.ok(f"connect {address} {hosts.port} 0 46 700")
            segments = hosts.capture.wait(hosts.port, lambda all_: all_[-1].payload == b"hello", "the data")
            syn = segments[0]
            assert syn.is_syn and syn.dscp == 46 and syn.mss() == 700 and syn.asks_for_ecn, (syn, syn.dscp, syn.mss())
            hosts.capture.segments.clear()


def forged_syn(source, port, destination, destination_port):
    """From the first byte of its IP header."""
    tcp = struct.pack("!HHIIBBHHH", port, destination_port, 4711, 0, 5 << 4, SYN, 65535, 0, 0)
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    total = 0xFFFF - two_hosts.ones_sum(ends + struct.pack("!II", len(tcp), 6) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + ends + tcp
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends + tcp


def forge(mark, source, port, destination, destination_port):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        if mark:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        raw.sendto(forged_syn(source, port, destination, destination_port), (destination, 0))


def answers_to_forged_segments_are_not_reset():
    """Between exactly the ends of each; what is not marked is reset as ever, and so is who knocks at a closed port."""
    with Hosts() as hosts:
        marks = [int(word) for word in hosts.driver.ok("marks forge forge").split()]
        assert len(set(marks)) == 2 and 0 not in marks, marks
        here = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        here.bind(("near", 3))
        here.settimeout(0.05)

        def has_come(port):
            """A SYN+ACK to it, on our side: what the kernel does about it, it does now."""
            try:
                packet, address = here.recvfrom(65536)
            except TimeoutError:
                return False
            if address[2] == socket.PACKET_OUTGOING or packet[0] >> 4 not in (4, 6):
                return False
            segment = two_hosts.Segment(packet)
            return segment.protocol == 6 and segment.port == port and segment.flags & (SYN | ACK) == SYN | ACK

        def resets():
            return {segment.source_port for segment in hosts.capture.to(hosts.port) if segment.flags & RST}

        for round_, (source, destination) in enumerate(((OURS, PEER), (OURS6, PEER6), (OURS, FAR), (OURS6, FAR6))):
            first, second, unmarked = (50000 + 10 * round_ + i for i in range(3))
            for mark, port in ((marks[0], first), (marks[1], second), (0, unmarked)):
                forge(mark, source, port, destination, hosts.port)
                wait_for(lambda: has_come(port), f"an answer to port {port}")
            wait_for(lambda: unmarked in resets(), "the reset of what is not marked")
            assert not resets() & {first, second}, resets()
            with hosts.peer.inside(), socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as knocking:
                try:
                    knocking.connect((source, first))
                except ConnectionRefusedError:
                    continue
                raise AssertionError("our port is closed")
        here.close()
        forged = sum(segment.is_syn for segment in hosts.capture.to(hosts.port))
        assert forged == 12, forged


if __name__ == "__main__":
    two_hosts.main(globals())
