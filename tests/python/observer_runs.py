"""How pathspider's Observer is run: queues, interrupts, threads, live interfaces, what is wrong.

Usage: observer_runs.py TEST      (exit status 77: what it needs is not here)
"""
import copy
import gc
import json
import logging
import os
import pathlib
import pickle
import queue
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "netns"))

import namespace  # noqa: E402
import traces  # noqa: E402
from pathspider.chains.base import Chain  # noqa: E402
from pathspider.chains.basic import BasicChain  # noqa: E402
from pathspider.chains.tcp import TCPChain  # noqa: E402
from pathspider.observer import SHUTDOWN_SENTINEL, Observer, basic_count, basic_flow, simple_observer  # noqa: E402
from scapy_packets import all_packets, conversation  # noqa: E402


def taken(flows):
    """What stands in a queue before the sentinel."""
    records = []
    while True:
        flow = flows.get(timeout=30)
        if flow == SHUTDOWN_SENTINEL:
            return records
        records.append(flow)


def run_flow_enqueuer_ends_with_the_sentinel(folder):
    trace = traces.write(folder + "/enqueued.pcap", conversation(4))
    observer = simple_observer(trace)
    flows = queue.Queue()
    lines = []
    handler = logging.Handler()
    handler.emit = lambda entry: lines.append(entry.getMessage())
    logging.getLogger("observer").addHandler(handler)
    logging.getLogger("observer").setLevel(logging.INFO)
    thread = threading.Thread(target=observer.run_flow_enqueuer, args=(flows,), daemon=True)
    thread.start()
    records = taken(flows)
    thread.join(30)
    assert [record["pkt_fwd"] for record in sorted(records, key=lambda one: one["pkt_first"])] == [1, 1, 1], records
    assert lines == ["processed 5 packets (0 dropped, 0 short, 0 non-ip) into 3 flows (0 ignored)"], lines


def a_record_that_python_has_put_nothing_into_is_whole(folder):
    """For whatever looks at it as at a dict."""
    seen = []

    class Look(Chain):
        def new_flow(self, rec, ip):
            return True

        def tcp(self, rec, tcp, rev):
            ways = (json.loads(json.dumps(rec)), dict(rec), {**rec}, copy.deepcopy(rec), pickle.loads(pickle.dumps(rec)), rec.copy())
            seen.append(all(way == ways[0] and way["pkt_fwd"] + way["pkt_rev"] == rec["pkt_fwd"] + rec["pkt_rev"] for way in ways))

    trace = traces.write(folder + "/looked_at.pcap", conversation(4))
    flows = list(Observer(trace, chains=[BasicChain, Look]))
    assert seen and all(seen), seen
    assert all(flow["pkt_first"] <= flow["pkt_last"] for flow in flows)


def an_interrupt_ends_an_observer_that_waits(folder):
    pipe = folder + "/pipe"
    os.mkfifo(pipe)
    whole = pathlib.Path(traces.write(folder + "/whole.pcap", conversation(4))).read_bytes()
    writer_may_go = threading.Event()

    def write():
        with open(pipe, "wb") as file:
            file.write(whole)
            file.flush()
            writer_may_go.wait(60)

    threading.Thread(target=write, daemon=True).start()
    seen = threading.Event()

    def tell(rec, ip):
        seen.set()
        return True

    observer = Observer(pipe, new_flow_chain=[basic_flow, tell])
    flows, interrupt = queue.Queue(), queue.Queue()
    thread = threading.Thread(target=observer.run_flow_enqueuer, args=(flows, interrupt), daemon=True)
    thread.start()
    assert seen.wait(30), "the packets in the pipe were not seen"
    assert thread.is_alive()
    interrupt.put(True)
    thread.join(30)
    assert not thread.is_alive()
    writer_may_go.set()
    assert len(taken(flows)) >= 1, "what is known of the flows comes too"


def what_is_wrong_is_said(folder):
    def raised(kind, make):
        try:
            make()
        except kind as problem:
            return str(problem)
        raise AssertionError(f"no {kind.__name__}")

    assert "no_such_trace" in raised(OSError, lambda: Observer("pcapfile:/nonexistent/no_such_trace", chains=[]))
    trace = traces.write(folder + "/wrong.pcap", conversation(4))
    assert "there is no chain 'nope'" in raised(ValueError, lambda: Observer(trace, chains=["nope"]))
    assert "twice" in raised(ValueError, lambda: Observer(trace, chains=["tcp", "tcp"]))
    raised(TypeError, lambda: Observer(trace, chains=[TCPChain], tcp_chain=[basic_count]))
    raised(TypeError, lambda: Observer(trace, tcp_chain=["no function"]))
    raised(ValueError, lambda: Observer(trace, chains=[TCPChain], idle_timeout=float("nan")))


class Busy(Chain):
    """Does a little of everything with what it is given."""

    def new_flow(self, rec, ip):
        rec["busy"] = str(ip.src_prefix)
        self.last = rec
        return True

    def ip4(self, rec, ip, rev):
        rec["busy_all"] = len(dict(rec))
        self.kept = (ip, ip.time, ip.layer2.data, ip.icmp)
        return True

    ip6 = ip4

    def icmp4(self, rec, ip, q, rev):
        if q is not None:
            rec["busy_quoted"] = (q.proto, len(q.data))

    def tcp(self, rec, tcp, rev):
        rec["busy_option"] = bytes(tcp.option(2) or b"")
        rec.pop("busy_all", None)

    def l4(self, rec, pkt, rev):
        rec["busy_chunks"] = len(pkt.sctp.chunks) if pkt.sctp else None


def in_order(records):
    return sorted(records, key=lambda record: (record["pkt_first"], record["sip"], record["proto"], record["sp"] or 0))


def observers_in_threads_agree(folder):
    trace = traces.write(folder + "/many.pcap", all_packets() * 60)
    alone = in_order(Observer(trace, chains=[BasicChain, Busy, TCPChain]))
    assert len(alone) > 10
    results = []

    def observe():
        results.append(in_order(Observer(trace, chains=[BasicChain, Busy, TCPChain])))

    threads = [threading.Thread(target=observe) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 6 and all(result == alone for result in results)


def one_observer_runs_in_one_thread(folder):
    pipe = folder + "/pipe"
    os.mkfifo(pipe)
    whole = pathlib.Path(traces.write(folder + "/whole.pcap", conversation(4))).read_bytes()
    opened = []

    def begin():
        opened.append(open(pipe, "wb"))
        opened[0].write(whole)
        opened[0].flush()

    threading.Thread(target=begin, daemon=True).start()
    observer = Observer(pipe, chains=[BasicChain])
    inside = threading.Event()
    original = observer._native.next

    def wait():
        inside.set()
        original(20)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert inside.wait(30)
    refused = False
    while not refused and thread.is_alive():
        try:
            observer.counters
        except RuntimeError as problem:
            refused = "another thread" in str(problem)
    assert refused
    observer._native.stop()
    thread.join(30)
    assert not thread.is_alive()

    class Asks(Chain):
        def new_flow(self, rec, ip):
            try:
                rec["said"] = asked.counters
            except RuntimeError as problem:
                rec["said"] = str(problem)

    asked = Observer(folder + "/whole.pcap", chains=[Asks])
    assert {record["said"] for record in asked} == {"this observer is running, in another thread or with the hook that asks it"}


def memory_stays(folder):
    trace = traces.write(folder + "/some.pcap", all_packets() * 20)

    def resident_kib():
        gc.collect()
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    def observe(times):
        for _ in range(times):
            list(Observer(trace, chains=[BasicChain, Busy]))
            list(Observer(trace, new_flow_chain=[basic_flow], ip4_chain=[basic_count]))

    observe(20)
    before = resident_kib()
    observe(150)
    # A reference lost for each packet would be 12 MB and more.
    assert resident_kib() - before < 2048, (before, resident_kib())


def a_live_interface_is_observed(_):
    seen = []

    class Datagrams(Chain):
        def new_flow(self, rec, ip):
            rec["payloads"] = []
            return True

        def udp(self, rec, udp, rev):
            rec["payloads"].append(bytes(udp.payload.data))
            seen.append(udp)
            return len(rec["payloads"]) < 2

    # The flow ends by itself, a while after its chain said so, without another packet.
    observer = Observer("int:lo", chains=[BasicChain, Datagrams], expiry_timeout=0.2)
    flows, interrupt = queue.Queue(), queue.Queue()
    thread = threading.Thread(target=observer.run_flow_enqueuer, args=(flows, interrupt), daemon=True)
    thread.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        for text in (b"one", b"two"):
            sender.sendto(text, peer.getsockname())
        record = flows.get(timeout=60)
        assert (record["payloads"], record["pkt_fwd"], record["sp"]) == ([b"one", b"two"], 2, sender.getsockname()[1]), record
    interrupt.put("enough")
    thread.join(60)
    assert not thread.is_alive() and flows.get() == SHUTDOWN_SENTINEL
    assert [bytes(udp.payload.data) for udp in seen] == [b"one", b"two"]


if sys.argv[1] == "a_live_interface_is_observed":
    namespace.enter(sys.argv)
with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
