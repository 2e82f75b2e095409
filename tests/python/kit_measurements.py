"""The test kit of plugins' authors, spiderling.testing: measurements in Python of every model, over a network that is made up,
over connections that are told of, and over the lab.

Usage: kit_measurements.py TEST      (its folder is $SPIDERLING_PYTHON)
"""
import gc
import os
import pathlib
import socket
import sys
import tempfile
import time
import weakref

sys.path[:0] = [os.environ["SPIDERLING_PYTHON"], str(pathlib.Path(__file__).parent / "third_party")]
from kit import SYN, SYN_ACK, raises, skip  # noqa: E402
from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT, PluggableSpider  # noqa: E402
from pathspider.chains.basic import BasicChain  # noqa: E402
from pathspider.chains.dns import DNSChain  # noqa: E402
from pathspider.chains.tcp import TCPChain  # noqa: E402
from pathspider.desync import DesynchronizedSpider  # noqa: E402
from pathspider.forge import ForgeSpider  # noqa: E402
from pathspider.helpers.dns import connect_dns_tcp  # noqa: E402
from pathspider.helpers.http import connect_http, connect_https  # noqa: E402
from pathspider.plugins.congestion import Congestion  # noqa: E402
from pathspider.plugins.oldecn import OldEcn  # noqa: E402
from pathspider.plugins.segment import Segment  # noqa: E402
from spiderling.testing import (MSS, FakeTarget, MeasurementTest, Packets, Told, answers, check_in_lab, drops, packet, refuses,  # noqa: E402
                                silent, strips)

ECN_OFF_AND_ON = [{"ecn": False}, {"ecn": True}]


def asks_for_ecn(seen):
    return seen.haslayer("TCP") and seen["TCP"].flags & 0xc2 == 0xc2


def conditions(results):
    return {name: result.conditions for name, result in results.items()}


def sysctl():
    return pathlib.Path("/proc/sys/net/ipv4/tcp_ecn").read_text(encoding="ascii")


# --- the models

def synchronized():
    before = sysctl()
    network = {"plain": answers(), "v6": FakeTarget(ipv6=True), "without": FakeTarget(ecn=False), "gone": silent(),
               "refuses": refuses(), "drops": drops(asks_for_ecn), "unseen": FakeTarget(observed=False)}
    for connect in ("tcp", "http"):
        results = MeasurementTest(Congestion).run(network, setups=ECN_OFF_AND_ON, connect=connect)
        assert conditions(results) == {
            "plain": ["congestion.connectivity.works", "congestion.negotiation.succeeded"],
            "v6": ["congestion.connectivity.works", "congestion.negotiation.succeeded"],
            "without": ["congestion.connectivity.works", "congestion.negotiation.failed"],
            "gone": ["congestion.connectivity.offline"], "refuses": ["congestion.connectivity.offline"],
            "drops": ["congestion.connectivity.broken"], "unseen": ["pathspider.not_observed", "pathspider.missed_flows:2"]}, conditions(results)
    flows = results["plain"].flows
    assert [flow["http_response_code"] for flow in flows] == [200, 200] and results["plain"].has("congestion.connectivity.works")
    assert [flow["spdr_state"] for flow in results["gone"].flows] == [CONN_TIMEOUT] * 2
    assert [flow["spdr_state"] for flow in results["refuses"].flows] == [CONN_FAILED] * 2
    assert MeasurementTest("congestion").run({"x": answers()}, setups=ECN_OFF_AND_ON)["x"].has("congestion.negotiation.succeeded")
    assert sysctl() == before


def synchronized_as_it_began():
    results = MeasurementTest(OldEcn).run({"plain": FakeTarget(domain="www.example.org"), "gone": FakeTarget("silent", domain="x.example")},
                                          setups=ECN_OFF_AND_ON)
    flows = results["plain"].flows
    assert [flow["connstate"] for flow in flows] == [True, True] and [flow["host"] for flow in flows] == ["www.example.org"] * 2
    assert [flow["connstate"] for flow in results["gone"].flows] == [False, False], results["gone"].flows
    assert flows[1]["marks"] > 0 == flows[0]["marks"], flows


class Talks(DesynchronizedSpider, PluggableSpider):
    """Two connections that say different things."""
    name = "talks"
    description = "Who answers to what"
    version = "1"
    chains = [BasicChain, TCPChain, DNSChain]

    @staticmethod
    def extra_args(parser):
        parser.add_argument("--say", default="hello")
        parser.add_argument("-n", "--times", type=int, choices=range(1, 5), default=1)
        parser.add_argument("--shout", action="store_true")
        parser.add_argument("--pair", nargs=2, default=[])

    def http(self, job, config):
        return connect_http(self.source, job, self.args.timeout)

    def own(self, job, config):
        rec = self.tcp_connect(job)
        said = " ".join([self.args.say] * self.args.times + self.args.pair)
        with rec["client"] as client:
            if rec["spdr_state"] == CONN_OK:
                client.sendall((said.upper() if self.args.shout else said).encode())
                rec["heard"] = client.recv(100).decode()
        return rec

    connections = [http, own]

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows)), f"talks.heard:{flows[1].get('heard')}"]


def desynchronized():
    results = MeasurementTest(Talks).run({"plain": answers(), "says": FakeTarget(says=lambda said: said[::-1]), "gone": silent(),
                                          "teapot": FakeTarget(http_status=418)})
    assert conditions(results) == {"plain": ["talks.connectivity.works", "talks.heard:hello"],
                                   "says": ["talks.connectivity.transient", "talks.heard:olleh"],
                                   "gone": ["talks.connectivity.offline", "talks.heard:None"],
                                   "teapot": ["talks.connectivity.works", "talks.heard:hello"]}, conditions(results)
    flow = results["plain"].flows[1]
    assert (flow["tcp_connected"], flow["oct_fwd"] - flow["pkt_fwd"] * 20 > 5, flow["observed"]) == (True, True, True), flow
    assert results["teapot"].flows[0]["http_response_code"] == 418
    heard = MeasurementTest(Talks, "--say", "ho", "--times", "3", "--pair", "a", "b", "--shout").run({"x": answers()})["x"]
    assert heard.has("talks.heard:HO HO HO A B"), heard
    assert "hoarse" in raises(ValueError, MeasurementTest(Talks, "--hoarse").run, {"x": answers()})
    assert "invalid choice" in raises(RuntimeError, MeasurementTest(Talks, "-n", "9").run, {"x": answers()})
    assert "at least one" in raises(ValueError, MeasurementTest(Talks).run, {"x": answers()}, attempts=0)
    for wrong in (float("nan"), float("inf"), -1.0):
        assert "timeout" in raises(ValueError, MeasurementTest(Talks).run, {"x": answers()}, timeout=wrong)


def questions_of_dns_and_tls():
    class Asks(Talks):
        name = "asks"

        def dns(self, job, config):
            return connect_dns_tcp(self.source, job, self.args.timeout)

        def https(self, job, config):  # a target that is made up speaks no TLS
            return connect_https(self.source, job, self.args.timeout)

        connections = [dns, https]

    result = MeasurementTest(Asks).run({"x": FakeTarget(domain="www.example.org")})["x"]
    assert [flow["spdr_state"] for flow in result.flows] == [CONN_OK, CONN_FAILED], result


class Knows(Talks):
    """What a socket answers to a plugin that asks."""
    name = "knows"

    def asks(self, job, config):
        rec = self.tcp_connect(job)
        with rec["client"] as client:
            assert client.getsockname()[1] == rec["sp"] != 0 and client.getpeername() == (job["dip"], job["dp"]), client.getpeername()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for word in (b"one", b"two", b"x" * 3000):  # four and a half segments
                client.sendall(word)
            assert client.send(b"last") == 4
            with client.makefile("rb") as file:
                heard = file.read(3010)
            client.shutdown(socket.SHUT_WR)
            rec["heard"] = (heard == b"onetwo" + b"x" * 3000 + b"last", client.recv(1) == b"")
        return rec

    def loses(self, job, config):
        rec = self.tcp_connect(job)
        with rec["client"] as client:
            client.sendall(b"lost")
            client.sendall(b"and lost")
            try:
                client.recv(1)
            except TimeoutError:
                rec["spdr_state"] = CONN_TIMEOUT
        return rec

    connections = [asks, loses]

    def combine_flows(self, flows):
        return [f"knows.heard:{flows[0].get('heard')}", f"knows.state:{flows[1]['spdr_state']}",
                f"knows.segments:{flows[0]['pkt_fwd'] - flows[0]['pkt_rev']}"]


def sockets_answer_as_those_of_tcp():
    lost = drops(lambda seen: seen.haslayer("Raw") and seen["Raw"].load[:4] == b"lost")
    begun = time.monotonic()
    for _ in range(10):
        result = MeasurementTest(Knows).run({"x": lost}, timeout=60)["x"]
        # forward: SYN, its ACK, six segments with the ACK of what was said back, FIN, ACK; in reverse: SYN/ACK, six, FIN
        assert result.conditions == ["knows.heard:[True, True]", f"knows.state:{CONN_TIMEOUT}", "knows.segments:8"], result
    assert time.monotonic() - begun < 60  # nobody waits for what was lost


def single_with_a_chain_of_its_own():
    results = MeasurementTest(Segment).run({"plain": answers(), "v6": FakeTarget(ipv6=True), "gone": silent(), "strips": strips(MSS)})
    for name in ("plain", "v6", "strips"):
        hops = results[name].flows[0]["hops_rev"]
        assert isinstance(hops, int) and results[name].conditions == [
            "segment.connectivity.online", "segment.local.value:1460", f"segment.hops.value:{hops}"], results[name]
    assert results["gone"].conditions == ["segment.connectivity.offline"], results["gone"]
    changed = FakeTarget(changes=lambda data: data[:8] + bytes([7]) + data[9:])  # the time to live
    assert MeasurementTest(Segment).run({"x": changed})["x"].has("segment.hops.value:7")


class Lookup(ForgeSpider, PluggableSpider):
    name = "lookup"
    description = "Questions with and without a checksum"
    version = "1"
    chains = [BasicChain, DNSChain]
    connect_supported = ["dnsudp"]
    packets = 2

    def forge(self, job, seq):
        line = f"192.0.2.1:4000 > {job['dip']}:{job['dp']} udp{' zero' if seq else ''} dns=query:www.example.org"
        return packet(line)[14:]

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["dns_response_valid"] for flow in flows))]


def forged():
    zero = drops(lambda seen: seen.haslayer("UDP") and seen["UDP"].chksum == 0)
    results = MeasurementTest(Lookup).run({"plain": answers(), "zero": zero, "gone": silent(), "refuses": refuses()})
    assert conditions(results) == {"plain": ["lookup.connectivity.works"], "zero": ["lookup.connectivity.broken"],
                                   "gone": ["lookup.connectivity.offline"], "refuses": ["lookup.connectivity.offline"]}, results
    assert [flow["pkt_rev"] for flow in results["plain"].flows] == [1, 1]


def native_ones_too():
    found = MeasurementTest("ecn").run({"plain": answers(), "drops": drops(asks_for_ecn)})
    assert found["plain"].has("ecn.negotiation.succeeded") and found["drops"].has("ecn.connectivity.broken"), found
    assert "udpzero" in raises(ValueError, MeasurementTest("udpzro").run, {})


# --- without a network

def connections_that_are_told_of():
    test = MeasurementTest(Congestion)
    both = Packets(SYN, SYN_ACK)
    assert test.conditions(Told(both), Told(["10.0.0.1:4000 > 10.0.0.2:80 tcp SEC", "10.0.0.2:80 > 10.0.0.1:4000 tcp SAE"])) == [
        "congestion.connectivity.works", "congestion.negotiation.succeeded"]
    assert test.conditions(Told(both), Told(SYN, state=CONN_TIMEOUT)) == ["congestion.connectivity.broken"]
    assert test.conditions(Told(both), Told()) == ["pathspider.not_observed", "pathspider.missed_flows:1"]
    assert MeasurementTest(Talks).conditions(Told(), Told(fields={"heard": "what"})) == [
        "talks.connectivity.works", "talks.heard:what", "pathspider.missed_flows:2"]
    assert "2 connections, 1" in raises(ValueError, test.conditions, Told())
    assert "Told(" in raises(TypeError, test.conditions, SYN, SYN)
    assert "2 flows" in raises(ValueError, test.conditions, Told([SYN, "10.0.0.1:5 > 10.0.0.2:80 tcp S"]), Told())


# --- what is wrong

def what_a_plugin_raises_is_raised():
    for name in ("pre_connect", "own", "post_connect", "combine_flows"):
        def wrong(self, *arguments):
            raise LookupError("of " + wrong.__name__)
        wrong.__name__ = name
        broken = type("Broken", (Talks,), {name: wrong, **({"connections": [Talks.http, wrong]} if name == "own" else {})})
        assert raises(LookupError, MeasurementTest(broken).run, {"x": answers()}) == "of " + name
    for target in (FakeTarget(says=lambda said: 5), FakeTarget(changes=lambda data: data[1:]), drops(lambda seen: seen["nothing"])):
        raises((TypeError, IndexError), MeasurementTest(Talks).run, {"x": target}, timeout=0.2)
    raises(TypeError, MeasurementTest(Talks).run, {"x": "answers"})
    assert "int is no PluggableSpider" in raises(TypeError, MeasurementTest(int).run, {"x": answers()})
    assert "no ecm" in raises(ValueError, MeasurementTest(Congestion).run, {"x": answers()}, setups=[{"ecm": True}, {}])
    assert "2 connections, 1 sockets" in raises(ValueError, MeasurementTest(Congestion).run, {"x": answers()}, setups=[{}])
    assert "does not connect as dnsudp" in raises(ValueError, MeasurementTest(Segment).run, {"x": answers()}, connect="dnsudp")


def it_can_be_run_again_and_again():
    files = len(os.listdir("/proc/self/fd"))
    spider = weakref.ref(type("Gone", (Talks,), {}))
    assert MeasurementTest(spider()).run({"x": answers()})["x"].has("talks.connectivity.works")
    gc.collect()
    assert spider() is None
    for _ in range(20):
        results = MeasurementTest(Talks).run({f"t{n}": answers() for n in range(30)})
        assert all(result.has("talks.connectivity.works") for result in results.values()), results
    assert len(os.listdir("/proc/self/fd")) <= files + 2


# --- the lab

def over_the_lab():
    scenario = """name = "kit"
description = "Two hosts"
measurement = "segment"
connect = "http"
[[host]]
box = "clean"
count = 1
segment = ["segment.connectivity.online", "segment.local.value:*", "segment.hops.value:*"]
[[host]]
box = "silent"
count = 1
segment = ["segment.connectivity.offline"]
"""
    os.environ["PYTHONPATH"] = str(pathlib.Path(__file__).parent / "third_party")
    os.environ["PYTHONPATH"] = str(pathlib.Path(__file__).parent / "third_party")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "lab.toml")
        path.write_text(scenario, encoding="utf-8")
        verdict = check_in_lab(path)
        if verdict.skipped:
            skip(verdict.skipped)
        print(verdict.report)
        assert verdict.all_right, verdict.report
        path.write_text(scenario.replace("offline", "online"), encoding="utf-8")
        assert not check_in_lab(path).all_right


if __name__ == "__main__":
    globals()[sys.argv[1]]()
