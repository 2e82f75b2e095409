"""What the package pathspider has for plugins, in an ordinary python3: no run, no root.

Usage: spider_parts.py TEST      (its folder is $SPIDERLING_PYTHON)
"""
import argparse
import importlib.util
import os
import socket
import struct
import sys
import threading
import time
import types
import unittest

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])
from pathspider import _measure, _options, _packets, _records  # noqa: E402
from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT, Conn, Connection, PluggableSpider  # noqa: E402
from pathspider.desync import DesynchronizedSpider  # noqa: E402
from pathspider.forge import ForgeSpider  # noqa: E402


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def raises(problem, function, *arguments):
    try:
        function(*arguments)
    except problem as raised:
        return str(raised)
    raise AssertionError(f"{function} raised nothing")


# --- packets

def total(data):
    data = bytes(data) + b"\0" * (len(data) % 2)
    value = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while value > 0xffff:
        value = (value & 0xffff) + (value >> 16)
    return value


def pseudo(packet, at, protocol):
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    return bytes(addresses) + struct.pack("!HH", protocol, len(packet) - at)


def forged_packets_keep_their_checksums():
    """From another port and address: right ones stay right, wrong ones wrong, none stays none."""
    if importlib.util.find_spec("scapy") is None:
        skip("needs python3-scapy")
    from scapy.all import IP, TCP, UDP, Ether, IPv6, IPv6ExtHdrDestOpt, Raw
    own = ("192.0.2.1", "2001:db8::1")
    cases = [(IP(src="192.0.2.1", dst="198.51.100.1"), "192.0.2.9"), (IPv6(src="2001:db8::1", dst="2001:db8::2"), "2001:db8::9"),
             (IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrDestOpt(), "2001:db8::9")]
    for ip, sip in cases:
        for transport, protocol, field in ((TCP(sport=1, dport=80), 6, 16), (UDP(sport=1, dport=80), 17, 6)):
            for payload in (b"", b"odd", b"even"):
                for wanted in (sip, None):
                    packet = bytes(ip / transport / Raw(payload))
                    fitted = _packets.fit(packet, own, wanted or ip.src, 40000)
                    at = _packets.transport_of(fitted)[1]
                    assert struct.unpack_from("!H", fitted, at)[0] == 40000 and len(fitted) == len(packet)
                    assert total(pseudo(fitted, at, protocol) + fitted[at:]) == 0xffff, (ip, transport, payload)
                    if fitted[0] >> 4 == 4:
                        assert total(fitted[:20]) == 0xffff and socket.inet_ntoa(fitted[12:16]) == (wanted or ip.src)
                    wrong = bytearray(packet)
                    wrong[at + field] ^= 0x55
                    broken = _packets.fit(wrong, own, wanted or ip.src, 40000)
                    assert total(pseudo(broken, at, protocol) + broken[at:]) != 0xffff
    none = bytes(IP(src="192.0.2.1", dst="198.51.100.1") / UDP(sport=1, dport=53, chksum=0) / b"x")
    assert _packets.fit(none, own, "192.0.2.9", 40000)[26:28] == b"\0\0"
    spoofed = bytes(IP(src="203.0.113.7", dst="198.51.100.1") / TCP(sport=1))
    assert _packets.fit(spoofed, own, "192.0.2.9", 40000)[12:16] == spoofed[12:16], "an address that is not ours is the plugin's affair"
    assert _packets.as_bytes(Ether() / IP(dst="198.51.100.1") / TCP())[0] == 0x45
    raises(ValueError, _packets.as_bytes, None)


def what_is_no_packet_is_refused_or_left_alone():
    for junk in (b"", b"\0", b"\x45", b"\x60" + b"\0" * 20, b"\x45" + b"\0" * 10, b"hello, world, this is no packet at all"):
        raises(ValueError, _packets.transport_of, junk)
    icmp = bytes([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1, 8, 0, 0, 0, 0, 0, 0, 0])
    assert _packets.fit(icmp, ("192.0.2.1",), "192.0.2.9", 40000) == icmp
    short = icmp[:9] + b"\x06" + icmp[10:20]
    assert _packets.fit(short, ("192.0.2.1",), "192.0.2.9", 40000) == short
    for length in range(60):  # whatever the extension headers say
        try:
            _packets.fit(b"\x60" + b"\0" * 5 + b"\0" + bytes(length) + b"\xff" * length, (), "2001:db8::1", 1)
        except ValueError:
            pass


# --- options

def options_of_argparse_are_read_and_given_back():
    subparsers = _options.Subparsers()
    parser = subparsers.add_parser("name", help="meaning", prog="pspdr name")
    parser.add_argument("--connect", choices=["tcp"], default="tcp")
    parser.add_argument("--timeout", type=int, default=5)
    parser.add_argument("-c", "--codepoint", type=int, choices=range(64), default=48, metavar="[0-63]", help="of %(prog)s, %(default)s")
    parser.add_argument("--loud", action="store_true")
    parser.add_argument("--no-dns", dest="dns", action="store_false")
    parser.add_argument("--many", nargs="+")
    parser.add_argument("--pairs", nargs=2, action="append")
    parser.add_argument("-v", action="count", default=0)
    parser.add_argument("--either", action=argparse.BooleanOptionalAction)
    parser.add_argument("--level", choices=["low", "high"], default="low")
    parser.add_argument("--share", type=int, default=3, help="up to 100% of it")
    (name, meaning, found), = subparsers.added
    assert (name, meaning, found) == ("name", "meaning", parser)
    options = _options.options_of(parser)
    assert [one.name for one in options] == ["codepoint", "loud", "no-dns", "many", "pairs", "v", "either", "no-either", "level", "share"]
    by_name = {one.name: one for one in options}
    assert by_name["codepoint"].also == "-c" and by_name["codepoint"].meaning == "of name, 48", vars(by_name["codepoint"])
    assert by_name["share"].meaning == "up to 100% of it (default: 3)", by_name["share"].meaning
    assert by_name["v"].also == "-v" and by_name["v"].flag and by_name["pairs"].values == 2 and by_name["many"].values == 0
    assert "low" in by_name["level"].meaning and "high" in by_name["level"].meaning

    def parse(**given):
        return _options.parse(parser, options, [given.get(one.name.replace("-", "_"), False if one.flag else []) for one in options])

    assert parse().codepoint == 48 and parse().dns and not parse().loud and parse().v == 0
    assert parse(codepoint=["46"]).codepoint == 46 and parse(codepoint=["1", "2"]).codepoint == 2
    assert parse(loud=True).loud and not parse(no_dns=True).dns and parse(many=["a", "b"]).many == ["a", "b"]
    assert parse(pairs=["a", "b", "c", "d"]).pairs == [["a", "b"], ["c", "d"]] and parse(no_either=True).either is False
    assert "invalid choice: 64" in raises(_options.BadOptions, lambda: parse(codepoint=["64"]))
    assert "invalid choice: -1" in raises(_options.BadOptions, lambda: parse(codepoint=["-1"]))


# --- connections outside of a run

class Server:
    """One connection or datagram, treated by a function, in a thread."""

    def __init__(self, treat, kind=socket.SOCK_STREAM):
        self.listener = socket.socket(socket.AF_INET, kind)
        self.listener.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            self.listener.listen()
        self.job = {"dip": "127.0.0.1", "dp": self.listener.getsockname()[1], "domain": "www.example.org"}
        threading.Thread(target=self.serve, args=(treat, kind), daemon=True).start()

    def serve(self, treat, kind):
        while True:
            if kind == socket.SOCK_STREAM:
                with self.listener.accept()[0] as peer:
                    treat(peer)
            else:
                treat(self.listener, *self.listener.recvfrom(4096))


SOURCE = ("127.0.0.1", "::1")


def connections_say_how_they_ended():
    from pathspider.helpers.http import connect_http
    from pathspider.helpers.tcp import connect_tcp

    def polite(peer):
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 404 Not here\r\nX-What: that\r\nContent-Length: 5\r\n\r\nnever")

    def silent(peer):
        while peer.recv(4096):
            pass

    def rude(peer):
        peer.recv(4096)
        peer.sendall(b"220 this is mail\r\n")

    record = connect_http(SOURCE, Server(polite).job, 5)
    assert record["spdr_state"] == CONN_OK and record["http_response_code"] == 404 and record["http_response_body"] == "never", record
    assert "X-What: that" in record["http_response_header"] and record["sp"] > 0, record
    record = connect_http(SOURCE, Server(silent).job, 1)
    assert record["spdr_state"] == CONN_TIMEOUT and record["sp"] > 0, record
    assert connect_http(SOURCE, Server(rude).job, 5)["spdr_state"] == CONN_FAILED
    closed = Server(silent)
    assert connect_tcp(SOURCE, closed.job, 5, sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])["spdr_state"] == CONN_OK
    job = {"dip": "127.0.0.1", "dp": 1, "domain": "www.example.org"}
    record = connect_tcp(SOURCE, job, 5)
    assert record["spdr_state"] == CONN_FAILED and record["sp"] > 0, record
    assert connect_tcp(("192.0.2.77", None), job, 5) == {"sp": 0, "spdr_state": CONN_FAILED}


def answers_without_an_end():
    """However little comes at a time, and however much: the connection's time is over, and memory is bounded."""
    from pathspider.helpers.http import MOST_BODY, connect_http

    def with_parts(part, *, head=b"", pause=0.0):
        def treat(peer):
            peer.recv(4096)
            peer.sendall(head)
            try:
                while True:
                    peer.sendall(part)
                    time.sleep(pause)
            except OSError:
                pass  # it has had enough
        return Server(treat).job

    for part, head in ((b"x", b"HTTP/1.1 200 OK\r\nX: "), (b"x: y\r\n", b"HTTP/1.1 200 OK\r\n"),
                       (b"HTTP/1.1 100 Continue\r\n\r\n", b""), (b"x", b"HTTP/1.1 200 OK\r\n\r\n")):
        begin = time.monotonic()
        record = connect_http(SOURCE, with_parts(part, head=head, pause=0.05), 0.5)
        assert record["spdr_state"] == CONN_TIMEOUT, (part, head, record)
        assert time.monotonic() - begin < 20, "each byte had the time of the whole"
    assert connect_http(SOURCE, with_parts(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), 0.5)["spdr_state"] == CONN_TIMEOUT
    endless = with_parts(b"x" * (1 << 16), head=b"HTTP/1.1 200 OK\r\n\r\n")
    record = connect_http(SOURCE, endless, 30)
    assert record["spdr_state"] == CONN_OK and len(record["http_response_body"]) == MOST_BODY
    if importlib.util.find_spec("pycurl") is None:
        return
    import pycurl
    record = connect_http(SOURCE, endless, 30, curlopts={pycurl.USERAGENT: "mine"})
    assert record["spdr_state"] == CONN_OK and len(record["http_response_body"]) == MOST_BODY, record["spdr_state"]
    headers = with_parts(b"x" * 90_000 + b": y\r\n", head=b"HTTP/1.1 200 OK\r\n")
    record = connect_http(SOURCE, headers, 30, curlopts={pycurl.USERAGENT: "mine"})
    assert record["spdr_state"] == CONN_FAILED, record["spdr_state"]


def questions_of_dns():
    from pathspider.helpers import dns

    def answer(query):
        return query[:2] + b"\x81\x80" + query[4:]

    def over_tcp(peer):
        size, = struct.unpack("!H", peer.recv(2))
        query = peer.recv(size)
        peer.sendall(struct.pack("!H", size) + answer(query)[:5])
        peer.sendall(answer(query)[5:])

    def over_udp(server, query, peer):
        server.sendto(b"xx" + answer(query)[2:], peer)  # somebody else's
        server.sendto(answer(query), peer)

    assert dns.connect_dns_tcp(SOURCE, Server(over_tcp).job, 5)["spdr_state"] == CONN_OK
    assert dns.connect_dns_udp(SOURCE, Server(over_udp, socket.SOCK_DGRAM).job, 5)["spdr_state"] == CONN_OK
    silent = Server(lambda *_: None, socket.SOCK_DGRAM)
    assert dns.connect_dns_udp(SOURCE, silent.job, 0.2)["spdr_state"] == CONN_TIMEOUT
    assert dns.connect_dns_tcp(SOURCE, Server(lambda peer: peer.recv(9)).job, 5)["spdr_state"] == CONN_FAILED
    def of_another_question(peer):
        size, = struct.unpack("!H", peer.recv(2))
        query = peer.recv(size)
        peer.sendall(struct.pack("!H", size) + bytes([query[0] ^ 1]) + answer(query)[1:])

    assert dns.connect_dns_tcp(SOURCE, Server(of_another_question).job, 5)["spdr_state"] == CONN_FAILED
    for domain in ("", "a..b", "x" * 64 + ".test", ".".join(["abcdefgh"] * 40)):
        assert dns.connect_dns_udp(SOURCE, {**silent.job, "domain": domain}, 1) == {"sp": 0, "spdr_state": CONN_FAILED}, domain
    if importlib.util.find_spec("dnslib") is None:
        return
    from dnslib import QTYPE, DNSQuestion
    record = dns.PSDNSRecord(q=DNSQuestion("www.example.org", QTYPE.A))
    for tcp, server in ((True, Server(over_tcp)), (False, Server(lambda s, q, p: s.sendto(answer(q), p), socket.SOCK_DGRAM))):
        got, sp = record.spider_send(SOURCE, server.job, 5, tcp=tcp)
        assert got == answer(record.pack()) and sp > 0, (tcp, got)


# --- runs

def run_of(cls, **more):
    subparsers = _options.Subparsers()
    cls.register_args(subparsers)
    how = {"user_agent": "", "timeout": 1.0, "mode": "tcp", "interface": "all", "workers": 1}
    return _measure.Plugin(cls, __name__, *subparsers.added[0]).start([], {**how, **more})


def kept_of_jobs(run):
    return {name: value for name, value in vars(run).items() if isinstance(value, dict) and value}


FLOW = (0, "", CONN_OK, 40000, 1.0, 2.0, 7, "192.0.2.1", "{}")  # of line 7


def nothing_is_kept_of_a_job_that_is_over():
    """Whatever the plugin's functions raise meanwhile, and where nobody concludes."""
    class Forging(ForgeSpider, PluggableSpider):
        name, description, packets = "forging", "", 2
        broken = ""

        def setup(self, job):
            assert self.broken != "setup", "of setup()"

        def forge(self, job, seq):
            assert self.broken != "forge", "of forge()"
            return b"\x45" + bytes(8) + b"\x06" + bytes(30)

        def post_connect(self, job, rec, config):
            assert self.broken != "post_connect", "of post_connect()"

        def merge(self, flow, res):
            super().merge(flow, res)

        def combine_flows(self, flows):
            flows[0]["mine"] = 1
            return []

    run = run_of(Forging)
    for broken in ("", "setup", "forge", "post_connect"):
        run.spider.broken = broken
        job = run.new_job('"dip":"192.0.2.1"', "192.0.2.1", 80, 7)
        for seq in range(2):
            for function in (lambda: run.pre_connect(job), lambda seq=seq: run.forged(7, seq, "192.0.2.9", 40000),
                             lambda seq=seq: run.post_connect(job, {"sp": 40000, "spdr_state": CONN_OK}, seq)):
                try:
                    function()
                except AssertionError as problem:
                    assert str(problem) == f"of {broken}()"
            run.merge(7, seq, "")
        run.combine([FLOW])
        assert run.conclude(7)[1] == ['{"mine": 1}'], "what combine_flows() has left of the flow"
        assert not kept_of_jobs(run), (broken, kept_of_jobs(run))
    assert "the job is over" in raises(LookupError, run.forged, 7, 0, "192.0.2.9", 40000)
    run.combine([FLOW])  # as results are compared with their packets
    assert not kept_of_jobs(run), kept_of_jobs(run)


def packets_are_a_number_of_them():
    class Forging(ForgeSpider, PluggableSpider):
        name, description, packets = "forging", "", 2

    assert len(run_of(Forging).runs()) == 2
    for packets in (0, -3, "3", None, 257, 10**12):
        Forging.packets = packets
        assert "1 to 256 are possible" in raises(TypeError, run_of, Forging), packets


def what_a_generator_of_conditions_raises_is_what_is_said():
    class Yielding(DesynchronizedSpider, PluggableSpider):
        name, description = "yielding", ""

        def connect(self, job, config):
            return {"sp": 0, "spdr_state": CONN_OK}

        def combine_flows(self, flows):
            yield "yielding.first"
            flows[0]["late"] = 1
            yield "yielding." + flows[0].get("dp")

    run = run_of(Yielding)
    run.new_job('"dip":"192.0.2.1"', "192.0.2.1", 80, 7)
    assert "concatenate" in raises(TypeError, run.combine, [FLOW])
    assert run.combine([(*FLOW[:8], '{"dp": "x"}')]) == ["yielding.first", "yielding.x"]
    assert run.conclude(7)[1] == ['{"dp": "x", "late": 1}'], "what it has noted while it yielded"


def fields_that_json_cannot_say_are_told_a_bounded_number_of_times():
    class Noting(DesynchronizedSpider, PluggableSpider):
        name, description = "noting", ""

        def connect(self, job, config):
            return {"sp": 0, "spdr_state": CONN_OK}

    run = run_of(Noting)
    job = run.new_job('"dip":"192.0.2.1"', "192.0.2.1", 80, 7)
    with unittest.TestCase().assertLogs("pathspider", "WARNING") as told:
        for number in range(1000):
            *_, fields = run.post_connect(job, {"sp": 1, "spdr_state": CONN_OK, f"of_peer_{number}": b"x", "long" * number: b"x"}, 0)
            assert fields == "{}"
    assert 2 < len(told.records) <= 101 and "not said any more" in told.output[-1], len(told.records)
    assert max(map(len, told.output)) < 300


def options_of_tcp_headers():
    """The first counts where one comes twice; behind an impossible length nothing is known."""
    from pathspider.chains.tcp import tcp_options

    def of(options):
        return tcp_options(types.SimpleNamespace(data=bytes(20) + options + b"payload", doff=5 + len(options) // 4))

    assert of(bytes([2, 4, 5, 180, 1, 2, 4, 1, 0, 1, 4, 2])) == {2: b"\x05\xb4", 4: b""}
    for wrong in (bytes([1, 4, 2, 8, 0, 1, 1, 1]), bytes([1, 4, 2, 8, 1, 1, 1, 1]), bytes([1, 4, 2, 8, 200, 1, 1, 1]), bytes([4, 2, 0, 8, 4, 1, 1, 1]),
                  bytes([4, 2, 1, 1, 1, 1, 1, 8])):
        assert of(wrong) == {4: b""}, wrong


def functions_are_native_where_all_of_a_chain_is_there():
    from pathspider.observer import HOOKS, basic_count, basic_flow, function_specs

    def specs(**lists):
        return function_specs({hook: lists.get(hook, ()) for hook in HOOKS})

    whole = {"new_flow": [basic_flow], "ip4": [basic_count], "ip6": [basic_count]}
    assert specs(**whole) == ["basic"]
    for other in ({**whole, "ip6": []}, {**whole, "tcp": [basic_count]}, {**whole, "ip4": [basic_count, basic_count]}):
        assert "basic" not in specs(**other), other


def jobs_answer_as_of_each_age():
    from pathspider._jobs import ListedJob
    job = ListedJob({"dip": "192.0.2.1", "dp": 80, "rank": 7, "more": 1})
    assert list(job) == ["192.0.2.1", 80, None, 7] and (job[1], job["dp"], job["more"], job.get("none", 5)) == (80, 80, 1, 5)
    assert "more" in job and "dip" in job and 80 in job and "none" not in job
    job["mine"] = 2
    assert job.copy() == {"dip": "192.0.2.1", "dp": 80, "rank": 7, "more": 1, "mine": 2} and len({job, job}) == 1


def lists_within_lists_have_an_end():
    def nested(depth):
        value = 1
        for _ in range(depth):
            value = [value]
        return value

    assert _records.sayable(nested(50)) == nested(50)
    raises(ValueError, _records.sayable, nested(51))


# --- names

def names_of_both_versions():
    from pathspider.base import DesynchronizedSpider, SynchronizedSpider  # noqa: F401
    from pathspider import desync, forge, network, single, sync
    assert SynchronizedSpider is sync.SynchronizedSpider and DesynchronizedSpider is desync.DesynchronizedSpider
    assert issubclass(single.SingleSpider, desync.DesynchronizedSpider) and issubclass(forge.ForgeSpider, desync.DesynchronizedSpider)
    assert (Conn.OK, Conn.FAILED, Conn.TIMEOUT) == (CONN_OK, CONN_FAILED, CONN_TIMEOUT)
    connection = Connection("socket", 7, Conn.OK, "now")
    assert (connection.client, connection.port, connection.state, connection.tstart) == ("socket", 7, Conn.OK, "now")
    assert connection.pop("client") == "socket" and connection["sp"] == 7 and connection["spdr_state"] == CONN_OK
    assert network.interface_up("lo") in (True, False) and not network.interface_up("no_such_interface")
    for name in ("lo\0", "lo" + "o" * 500):
        assert network.ipv4_address(name) is None and not network.interface_up(name) and network.ipv6_address(name) is None
    assert network.ipv4_address("no_such_interface") is None and network.ipv6_address("no_such_interface") is None

    class Mine(sync.SynchronizedSpider, PluggableSpider):
        name = "mine"

    spider = Mine(1, "pcapfile:x", argparse.Namespace(timeout=3))
    for both, condition in (((True, True), "works"), ((True, False), "broken"), ((False, True), "transient"), ((False, False), "offline"),
                            ((True,), "online"), ((False,), "offline")):
        assert spider.combine_connectivity(*both) == f"mine.connectivity.{condition}"
    assert spider.combine_connectivity(True, False, prefix="dscp.48") == "dscp.48.connectivity.broken"
    assert spider.conn_timeout == 3 and spider.source == SOURCE
    with unittest.TestCase().assertLogs("pathspider", "WARNING") as told:
        spider.outqueue.put({}), spider.outqueue.put({})
    assert len(told.records) == 1 and spider.outqueue.empty()
    tokens = sync.SemaphoreN(3)
    assert not tokens.acquire(blocking=False)
    tokens.release_n(3)
    assert tokens.acquire_n(3, blocking=False) and not tokens.acquire(blocking=False)
    assert spider.outqueue.collect(spider.merge, None, {"sp": 1, "_own": 2}) == [{"observed": False, "sp": 1}]


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print(f"{sys.argv[1]}: as it must be")
