"""The test kit of plugins' authors, spiderling.testing: packets, chefs and chains, in an ordinary python3.

Usage: kit.py TEST      (its folder is $SPIDERLING_PYTHON)
"""
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])
import netdumplings  # noqa: E402
from pathspider.chains.base import Chain  # noqa: E402
from pathspider.chains.tcp import TCPChain  # noqa: E402
from pathspider.observer import basic_count, basic_flow  # noqa: E402
from spiderling.testing import Packets, completes, packet, run_chain, run_chains, run_chef, run_functions  # noqa: E402

PROGRAM = os.environ["SPIDERLING"]
SYN = "10.0.0.1:4000 > 10.0.0.2:80 tcp S"
SYN_ACK = "10.0.0.2:80 > 10.0.0.1:4000 tcp SA"
QUESTION = "10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:www.example.org"


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def raises(problem, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except problem as raised:
        return str(raised)
    raise AssertionError(f"{function} raised nothing")


def program(*words):
    """What it says on standard output, line by line, read as JSON."""
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- packets

def lines_are_packets():
    packets = Packets("let web = 10.0.0.2:80", f"{SYN} mss=1460", "+0.5 web > 10.0.0.1:4000 tcp SA\n# nothing\n3 web > 10.0.0.1:4000 tcp F")
    assert [time for time, _ in packets] == [1600000000.0, 1600000000.5, 1600000003.0], list(packets)
    assert packets[0][1] == packet(f"{SYN} mss=1460") and packets[-1][1][47] == 1, packets[-1]
    assert len(packets[0][1]) == 14 + 20 + 24
    assert raises(IndexError, lambda: packets[3]) and repr(packets) == "<3 packets>"
    assert raises(ValueError, Packets, "10.0.0.1 > 10.0.0.2 tpc") == 'packet "10.0.0.1 > 10.0.0.2 tpc": ' + raises(
        ValueError, packet, "10.0.0.1 > 10.0.0.2 tpc").split(": ", 1)[1]
    raises(ValueError, packet, f"{SYN}\n{SYN_ACK}")
    raises(TypeError, Packets, 7)


def packets_are_put_together():
    data = packet(SYN)
    packets = Packets(data, bytearray(data), memoryview(data)).wait(1).add([SYN, [SYN_ACK]])
    packets.add(Packets(packets))
    assert len(packets) == 10 and packets[0][1] == packets[2][1] == packets[3][1] == packets[8][1] == data
    assert abs(packets[3][0] - packets[2][0] - 1.001) < 1e-6, list(packets)
    assert Packets() != packets and len(Packets()) == 0 and not Packets()


def packets_of_scapy_are_taken():
    try:
        from scapy.all import IP, UDP, Ether
    except ImportError:
        skip("needs python3-scapy")
    ip = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4000, dport=7) / b"abc"
    assert Packets(Ether() / ip)[0][1] == bytes(Ether() / ip)
    for packets in (Packets(ip), Packets(Ether() / ip)):
        record, = run_chains(["basic"], packets)
        assert (record["sip"], record["sp"], record["oct_fwd"]) == ("10.0.0.1", 4000, 31), record
    assert "two link types" in raises(RuntimeError, run_chains, ["basic"], [ip, Ether() / ip])


# --- chefs

LOOKUPS = '''import netdumplings


class Lookups(netdumplings.DumplingChef):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.count = 0

    def packet_handler(self, packet):
        if packet.haslayer("DNS"):
            self.count += 1
            return {"lookup": packet["DNS"].qd.qname.decode(), "when": packet.time}

    def interval_handler(self, interval):
        return {"count": self.count, "interval": interval, "kitchen": self.kitchen.name, "name": self.name}
'''
exec(LOOKUPS)  # the program gets the same as a file


def a_chefs_payloads():
    run = run_chef(Lookups, [SYN, QUESTION, "12 " + QUESTION], kitchen="k", poke_interval=10)
    assert run.of_packets() == [{"lookup": "www.example.org.", "when": when} for when in (1600000000.001, 1600000012)], run
    assert [one["count"] for one in run.of_intervals()] == [0, 1, 2] and run.failures == run.unsayable == [], run
    assert run.of_intervals()[0] == {"count": 0, "interval": 10.0, "kitchen": "k", "name": "Lookups"}, run
    assert [one.driver for one in run.dumplings] == ["interval", "packet", "interval", "packet", "interval"], run
    assert run.dumplings[-2].creation_time == 1600000012, run
    gc.collect()
    assert not Lookups.__subclasses__()  # nothing stays of a run
    again = run_chef(Lookups, QUESTION)  # another object
    assert [one["count"] for one in again.of_intervals()] == [0, 1], again


def they_are_what_nd_sniff_writes():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "chefs.py")
        path.write_text(LOOKUPS)
        packets = Packets([SYN, QUESTION] * 200, "+20 " + QUESTION)
        packets.save(pathlib.Path(folder, "x.pcap"))
        written = program("sniff", "-i", f"{folder}/x.pcap", "-f", "", "-n", "kitchen", "--output", "-", "-m", str(path))
    dumplings = run_chef(Lookups, packets).dumplings
    assert [(one["payload"], one["metadata"]["driver"], one["metadata"]["creation_time"]) for one in written] == [
        (one.payload, one.driver, one.creation_time) for one in dumplings], (written, dumplings)
    assert len(dumplings) > 200


def what_is_wrong_with_a_chef_is_said():
    class Bad(netdumplings.DumplingChef):
        returns = [b"bytes", {"a": float("nan")}, "\udc80", ValueError("no"), 2 ** 70]

        def packet_handler(self, packet):
            value = self.returns[packet["TCP"].seq]
            if isinstance(value, Exception):
                raise value
            return value

    run = run_chef(Bad, [f"{SYN} seq={number}" for number in range(6)])
    assert run.of_packets() == [2 ** 70] and run.of_intervals() == [], run
    assert [type(one) for one in run.failures] == [ValueError, IndexError], run
    assert run.failures[0] is Bad.returns[3] and run.failures[0].__traceback__ is not None
    assert len(run.unsayable) == 3 and all(one.startswith("packet_handler: ") for one in run.unsayable), run
    assert "Object of type bytes is not JSON serializable" in run.unsayable[0], run

    class Unmakeable(netdumplings.DumplingChef):
        def __init__(self, kitchen=None):
            raise RuntimeError("not today")

    assert "Unmakeable cannot be made: RuntimeError: not today" in raises(RuntimeError, run_chef, Unmakeable, SYN)
    raises(TypeError, run_chef, str, SYN)
    raises(TypeError, run_chef, 5, SYN)
    raises(ValueError, run_chef, Lookups, SYN, poke_interval=0)
    assert "DNSLookupChef" in raises(ValueError, run_chef, "DNSLookupChief", SYN)


def a_handler_that_does_not_come_back():
    class Loops(netdumplings.DumplingChef):
        def packet_handler(self, packet):
            while True:
                pass

    assert "a handler does not come back; 2 packets and pokes were left behind" in raises(RuntimeError, run_chef, Loops, [SYN, SYN])
    assert run_chef(Lookups, QUESTION).of_packets()


def processes_end_well():
    """However soon after a run they do."""
    code = LOOKUPS + f"from spiderling.testing import run_chef\nrun_chef(Lookups, {QUESTION!r})\n"
    running = [subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.environ["SPIDERLING_PYTHON"]})
               for _ in range(40)]
    assert [each.wait(60) for each in running] == [0] * 40


def native_chefs_too():
    run = run_chef("DNSLookupChef", QUESTION)
    assert run.of_packets() == [{"lookup": {"hostname": "www.example.org", "when": 1600000000.0}}], run


# --- chains

def _see(name):
    def hook(self, rec, *rest, rev):
        rec["seen"].append((name, rev))
        return True
    return hook


class Seen(Chain):
    """Which hooks were called."""

    def new_flow(self, rec, ip):
        rec["seen"] = []
        return True

    ip4, ip6, icmp4, icmp6, tcp, udp, l4 = (_see(name) for name in ("ip4", "ip6", "icmp4", "icmp6", "tcp", "udp", "l4"))


EVERY_KIND = Packets(SYN, SYN_ACK, "[2001:db8::1]:4000 > [2001:db8::2]:53 udp len=3", "10.0.0.1 > 10.0.0.3 ip proto=47 len=9",
                     "10.0.0.9 > 10.0.0.1 icmp 3/1 { " + SYN + " }",
                     "[2001:db8::9] > [2001:db8::1] icmp 1/0 { [2001:db8::1]:4000 > [2001:db8::2]:53 udp len=3 }")
HOOKS_OF_EVERY_KIND = [[("ip4", False), ("tcp", False), ("ip4", True), ("tcp", True), ("ip4", True), ("icmp4", True)],
                       [("ip6", False), ("udp", False), ("ip6", True), ("icmp6", True)],
                       [("ip4", False), ("l4", False)]]


def a_chain_of_every_hook():
    records = run_chains([Seen], EVERY_KIND)
    assert sorted(record["seen"] for record in records) == sorted(HOOKS_OF_EVERY_KIND), records
    records = run_chains(["basic", Seen(), TCPChain], EVERY_KIND)
    assert sorted(record["seen"] for record in records) == sorted(HOOKS_OF_EVERY_KIND), records
    assert [record["tcp_synflags_fwd"] for record in records if record["proto"] == 6] == [2], records


def functions_of_every_kind():
    def begin(rec, ip):
        rec["seen"] = []
        return True

    def see(name):
        def hook(rec, *rest, rev):
            rec["seen"].append((name, rev))
            return True
        return hook

    lists = {f"{name}_chain": [see(name)] for name in ("ip4", "ip6", "icmp4", "icmp6", "tcp", "udp", "l4")}
    lists["new_flow_chain"] = [basic_flow, begin]
    lists["ip4_chain"].insert(0, basic_count)
    lists["ip6_chain"].insert(0, basic_count)
    records = run_functions(EVERY_KIND, **lists)
    assert sorted(record["seen"] for record in records) == sorted(HOOKS_OF_EVERY_KIND), records
    assert {record["pkt_fwd"] for record in records} == {1}, records
    assert "tpc_chain" in raises(TypeError, run_functions, SYN, tpc_chain=[begin])


def records_are_what_observe_writes():
    with tempfile.TemporaryDirectory() as folder:
        EVERY_KIND.save(f"{folder}/x.pcap")
        written = program("observe", "-i", f"{folder}/x.pcap", "basic", "tcp", "icmp")
    records = run_chains(["basic", "tcp", "icmp"], EVERY_KIND)
    assert [list(record) and record["sip"] for record in records] == [record["sip"] for record in written]
    for record, theirs in zip(records, written):
        for name in set(theirs) & set(record) - {"pkt_first", "pkt_last"}:
            assert record[name] == theirs[name], (name, record, theirs)


def timeouts_and_completeness():
    both = Packets(SYN, "+20 " + SYN)
    assert len(run_chains(["basic"], both)) == 1 and len(run_chains(["basic"], both, idle_timeout=10)) == 2

    class Ends(Chain):
        def new_flow(self, rec, ip):
            return True

        def tcp(self, rec, tcp, rev):
            return not tcp.fin_flag

    assert not completes(Ends, SYN) and completes(Ends, [SYN, "10.0.0.1:4000 > 10.0.0.2:80 tcp FA"])
    assert completes("tcp", [SYN, "10.0.0.2:80 > 10.0.0.1:4000 tcp RA"])
    raises(ValueError, completes, Ends, [])
    assert "make 2 flow records" in raises(RuntimeError, run_chain, Seen, [SYN, QUESTION])
    assert run_chain("basic", SYN)["pkt_fwd"] == 1


def what_is_wrong_with_a_chain_is_raised():
    class Raises(Chain):
        def new_flow(self, rec, ip):
            return True

        def tcp(self, rec, tcp, rev):
            raise KeyError("no such thing")

    assert "no such thing" in raises(KeyError, run_chains, ["basic", Raises], SYN)
    assert "tcp" in raises(ValueError, run_chains, ["tpc"], SYN)
    raises(TypeError, run_chains, "tcp", SYN)
    raises(ValueError, run_chains, ["basic", "basic"], SYN)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
