"""Live capture with `spiderling observe`, in a network namespace of its own.

Usage: observe_live.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import fcntl
import os
import pathlib
import signal
import socket
import struct
import sys
import tempfile
import time

import namespace
from namespace import Observe, Sender, ip, veth

import trace_text  # of tests/scenarios, which namespace.py makes known

PAIRS = "let C = 10.0.0.1:40000\nlet S = 10.0.0.2:80\n"
# Ends its flow, whose record then comes as soon as the expiry timeout has passed.
MARKER = "0 10.0.0.9:9 > 10.0.0.2:9 tcp R\n"
SOON = ("--idle-timeout", "1", "--expiry-timeout", "1")


def frames(text):
    return [data for _, data, _ in trace_text.Trace().read((PAIRS + text).splitlines()).frames]


def expect(record, **fields):
    for name, value in fields.items():
        assert record[name] == value, f"{name} is {record[name]}, expected {value}: {record}"


def by_port(records):
    return sorted(records, key=lambda record: (record["proto"], record["sp"] or 0))


def loopback_traffic():
    """Real sockets on lo: each packet is counted once, though lo shows it going out and coming in."""
    with Observe("-i", "lo", "--expiry-timeout", "1", "basic", "tcp") as observe:
        observe.wait_until_capturing()
        with (socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as receiver,
              socket.socket(type=socket.SOCK_DGRAM) as sender):
            port = server.getsockname()[1]
            receiver.bind(("127.0.0.1", port))
            for _ in range(3):
                sender.sendto(b"hello", ("127.0.0.1", port))
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, _ = server.accept()
                client.sendall(b"hello")
                assert accepted.recv(100) == b"hello"
                client.shutdown(socket.SHUT_WR)
                assert accepted.recv(100) == b""
                accepted.close()
        tcp = observe.next_record()
        expect(tcp, proto=6, dp=port, sip="127.0.0.1", tcp_connected=True, tcp_fin_fwd=True, tcp_fin_rev=True)
        assert observe.interrupt() == 0, observe.stderr()
    datagrams = [record for record in observe.records if record["proto"] == 17]
    assert len(datagrams) == 1, observe.records
    expect(datagrams[0], dp=port, pkt_fwd=3, pkt_rev=0, oct_fwd=3 * 33)


def flushes(number):
    left, right = veth()
    with Observe("-i", right, "--expiry-timeout", "1", "basic", "tcp") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames("0 C > S tcp S\n0 S > C tcp SA\n" + MARKER))
        expect(observe.next_record(), sp=9)
        status = observe.interrupt(number)
    assert status == 0, (status, observe.stderr())
    assert len(observe.records) == 2, observe.records
    expect(observe.records[1], sp=40000, pkt_fwd=1, pkt_rev=1, tcp_synflags_rev=18)
    assert "packets" in observe.stderr(), observe.stderr()


def sigint_flushes():
    flushes(signal.SIGINT)


def sigterm_flushes():
    flushes(signal.SIGTERM)


def shards_agree():
    """Each flow's packets, both ways and its ICMP error, reach one shard: the records are those of one shard."""
    left, right = veth()
    flows = 500
    text = "".join(f"""0 10.1.{i // 250}.{1 + i % 250}:{1000 + i} > S tcp S
0 S > 10.1.{i // 250}.{1 + i % 250}:{1000 + i} tcp SA
0 10.1.{i // 250}.{1 + i % 250}:{1000 + i} > S tcp A len=100 split=40
0 10.9.9.9 > 10.1.{i // 250}.{1 + i % 250} icmp 3/1 {{ 10.1.{i // 250}.{1 + i % 250}:{1000 + i} > S tcp A }}
0 S > 10.1.{i // 250}.{1 + i % 250}:{1000 + i} tcp R
""" for i in range(flows))
    with Observe("-i", right, "--shards", "2", "--expiry-timeout", "2", "basic", "tcp", "icmp") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames(text))
        for _ in range(flows):
            observe.next_record()
        assert observe.interrupt() == 0, observe.stderr()
    assert len(observe.records) == flows, (len(observe.records), observe.stderr())
    assert len({record["sp"] for record in observe.records}) == flows
    for record in observe.records:
        expect(record, proto=6, dp=80, pkt_fwd=4, pkt_rev=3, tcp_connected=True, tcp_rst_rev=True, icmp_unreachable=True)


def idle_link_expires():
    """No packet moves the clock: the wall clock does."""
    left, right = veth()
    with Observe("-i", right, *SOON, "basic") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames("0 C > S udp len=1\n"))
        expect(observe.next_record(), sp=40000, pkt_fwd=1)
        assert observe.interrupt() == 0
    assert len(observe.records) == 1


def duration_ends_an_idle_link():
    _, right = veth()
    with Observe("-i", right, "--duration", "1", "basic") as observe:
        assert observe.finish() == 0, observe.stderr()
    assert not observe.records


def count_ends_the_capture():
    left, right = veth()
    with Observe("-i", right, "--count", "5", "basic") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames("repeat 20 0 C > S udp len=1\n"))
        assert observe.finish() == 0, observe.stderr()
    assert len(observe.records) == 1
    expect(observe.records[0], pkt_fwd=5)


def refused(*arguments, says, prefix=()):
    with Observe(*arguments, prefix=prefix) as observe:
        status = observe.finish()
    assert status == 2, (status, observe.stderr())
    assert not observe.records
    assert len(observe.errors) == 1, observe.stderr()
    for word in says:
        assert word in observe.stderr().lower(), observe.stderr()


def missing_interface():
    refused("-i", "nosuchif0", "basic", says=("nosuchif0",))


def interface_that_is_down():
    ip("link add down0 type veth peer name down1")
    refused("-i", "down0", "basic", says=("down0", "down"))


def no_permission():
    if os.geteuid() != 0:
        namespace.skip("rights can only be given up by root")
    refused("-i", "lo", "basic", says=("permission",), prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))


def default_route_interface():
    left, right = veth()
    ip(f"address add 192.0.2.1/24 dev {right}")
    ip(f"route add default via 192.0.2.2 dev {right}")
    with Observe("--expiry-timeout", "1", "basic", "tcp") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames(MARKER))
        expect(observe.next_record(), sp=9)


def no_default_route():
    refused("basic", says=("default route", "-i"))


def every_interface():
    left, right = veth()
    left2, right2 = veth("left1", "right1")
    with Observe("-i", "all", *SOON, "--filter", "udp", "basic") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames("0 10.0.0.1:1 > S udp\n"))
        Sender(left2).send(frames("0 10.0.0.1:2 > S udp\n"))
        ports = {observe.next_record()["sp"], observe.next_record()["sp"]}
    assert ports == {1, 2}, (ports, right, right2)


def filter_in_the_kernel():
    left, right = veth()
    with Observe("-i", right, "--filter", "udp port 80", *SOON, "basic", "tcp") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames(MARKER + "0 C > S tcp S\n0 C > S udp\n0 S > C udp\n"))
        expect(observe.next_record(), proto=17, pkt_fwd=1, pkt_rev=1)
        assert observe.interrupt() == 0
    assert len(observe.records) == 1, observe.records


def write_keeps_what_was_seen():
    """The kept trace gives the same records again."""
    left, right = veth()
    with tempfile.TemporaryDirectory(prefix="netns-write-") as folder:
        kept = str(pathlib.Path(folder) / "kept.pcap")
        with Observe("-i", right, "--write", kept, "--expiry-timeout", "1", "basic", "tcp", "dscp") as observe:
            observe.wait_until_capturing()
            Sender(left).send(frames("repeat 20 0 10.0.0.1:{1000+i} > S tcp S dscp={i}\n"
                                     "repeat 20 0 S > 10.0.0.1:{1000+i} tcp SA len={i}\n" + MARKER))
            expect(observe.next_record(), sp=9)
            assert observe.interrupt() == 0, observe.stderr()
        with Observe("-i", kept, "basic", "tcp", "dscp") as again:
            assert again.finish() == 0, again.stderr()
    assert len(observe.records) == 21
    for live, reread in zip(by_port(observe.records), by_port(again.records), strict=True):
        for name in ("pkt_first", "pkt_last"):
            assert abs(live.pop(name) - reread.pop(name)) < 2e-6
        assert live == reread, (live, reread)


def interface_goes_away():
    """What was seen is flushed, and the program ends by itself rather than waiting for ever."""
    left, right = veth()
    with Observe("-i", right, "--expiry-timeout", "1", "basic", "tcp") as observe:
        observe.wait_until_capturing()
        Sender(left).send(frames("0 C > S udp\n" + MARKER))
        observe.next_record()
        ip(f"link delete {left}")
        observe.finish()
    assert len(observe.records) == 2, (observe.records, observe.stderr())
    assert right in observe.stderr() or "interface" in observe.stderr(), observe.stderr()


def tun_device():
    """Packets without a link header."""
    if not pathlib.Path("/dev/net/tun").exists():
        namespace.skip("there is no /dev/net/tun")
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        set_interface, tun_without_header = 0x400454CA, 0x1001
        fcntl.ioctl(tun, set_interface, struct.pack("16sH22x", b"tun0", tun_without_header))
        ip("link set tun0 up")
        with Observe("-i", "tun0", "--expiry-timeout", "1", "basic", "tcp") as observe:
            observe.wait_until_capturing()
            for frame in frames("0 C > S tcp S\n0 S > C tcp RA\n"):
                tun.write(frame[14:])
            expect(observe.next_record(), proto=6, sp=40000, pkt_fwd=1, pkt_rev=1, tcp_rst_rev=True)


def main():
    namespace.enter(sys.argv)
    began = time.monotonic()
    globals()[sys.argv[1]]()
    print(f"{sys.argv[1]}: as it must be ({time.monotonic() - began:.1f} s)")


if __name__ == "__main__":
    main()
