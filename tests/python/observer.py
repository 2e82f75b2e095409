"""pathspider.observer in an ordinary python3: hooks, verdicts, flows and records, kept headers, function chains.

Usage: observer.py TEST      (exit status 77: what it needs is not here)
"""
import json
import logging
import os
import pathlib
import queue
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import traces  # noqa: E402
from pathspider.chains.base import Chain  # noqa: E402
from pathspider.observer import Observer, basic_count, basic_flow  # noqa: E402
from pathspider.observer import tcp as tcp_functions  # noqa: E402
from shipped_chains import chain, in_python  # noqa: E402

class Noting(Chain):
    """Notes every call; returns what it is told to."""

    def __init__(self, answers=None):
        self.calls = []
        self.answers = answers or {}

    def _note(self, hook, rec, header, rev, q=None):
        self.calls.append((hook, header.type if hook not in ("icmp4", "icmp6") else header.type, rev, rec))
        return self.answers.get(hook, True)

    def new_flow(self, rec, ip):
        return self._note("new_flow", rec, ip, None)

    def ip4(self, rec, ip, rev):
        return self._note("ip4", rec, ip, rev)

    def ip6(self, rec, ip6, rev):
        return self._note("ip6", rec, ip6, rev)

    def icmp4(self, rec, ip, q, rev):
        return self._note("icmp4", rec, ip, rev, q)

    def icmp6(self, rec, ip6, q, rev):
        return self._note("icmp6", rec, ip6, rev, q)

    def tcp(self, rec, tcp, rev):
        return self._note("tcp", rec, tcp, rev)

    def udp(self, rec, udp, rev):
        return self._note("udp", rec, udp, rev)

    def l4(self, rec, pkt, rev):
        return self._note("l4", rec, pkt, rev)


def hooks_are_called_as_pathspider_calls_them(folder):
    from scapy_packets import conversation

    for version, ip, icmp in ((4, "IP", "icmp4"), (6, "IP6", "icmp6")):
        noting = Noting()
        records = list(Observer(traces.write(folder + "/hooks.pcap", conversation(version)), chains=[noting]))
        seen = [(hook, header, rev) for hook, header, rev, _ in noting.calls]
        hop = f"ip{version}"
        assert seen == [
            ("new_flow", ip, None), (hop, ip, False), ("tcp", "TCP", False),
            (hop, ip, True), ("tcp", "TCP", True),
            (hop, ip, True), (icmp, ip, True),
            ("new_flow", ip, None), (hop, ip, False), ("udp", "UDP", False),
            ("new_flow", ip, None), (hop, ip, False), ("l4", "Packet", False),
        ], seen
        assert len(records) == 3 and all(record.keys() == {"pkt_first", "pkt_last"} for record in records), records
        assert len({id(rec) for _, _, _, rec in noting.calls[:7]}) == 1, "all hooks of a flow share its record"


def verdicts_end_flows_and_hide_no_packet(folder):
    from scapy_packets import conversation

    packets = conversation(4)[:2]
    again = [(number * 0.001, packet) for number, packet in enumerate(packets)] + [(20, packets[0])]
    trace = traces.write(folder + "/verdicts.pcap", again)
    flows = {}
    for answer in (True, None, False, 0, "yes"):
        first, second = Noting({"ip4": answer}), Noting()
        flows[answer] = len(list(Observer(trace, chains=[first, second])))
        assert [call[0] for call in first.calls] == [call[0] for call in second.calls], "every chain sees every packet"
        assert sum(call[0] == "tcp" for call in first.calls) == 3
    assert flows == {True: 1, None: 1, False: 2, 0: 2, "yes": 1}, flows
    for answer, records in ((False, 0), (None, 1)):
        noting = Noting({"new_flow": answer})
        observer = Observer(trace, chains=[noting])
        assert len(list(observer)) == records
        if answer is False:
            assert [call[0] for call in noting.calls] == ["new_flow"] and observer.counters["ignored"] == 1, noting.calls


def aggregated_all_packets_are_one_flow(folder):
    """Whatever their addresses, in both versions of IP; fragments and ICMP errors too. Chains natively and in Python agree."""
    from scapy_packets import all_packets, conversation

    packets = conversation(4) + conversation(6) + all_packets()
    trace = traces.write(folder + "/all.pcap", packets)
    for make in (chain, in_python):
        observer = Observer(trace, chains=[make("basic")], aggregate=True)
        record, = observer
        assert record["pkt_fwd"] == observer.counters["packets"] and record["pkt_rev"] == 0, record
        assert observer.counters["short"] + observer.counters["non_ip"] + record["pkt_fwd"] >= len(packets), observer.counters
        assert record["sip"] == "192.0.2.10" and record["proto"] == 6 and record["oct_rev"] == 0, "as the first packet has it"
    noting = Noting()
    assert len(list(Observer(trace, chains=[noting], aggregate=True))) == 1
    assert sum(hook == "new_flow" for hook, *_ in noting.calls) == 1
    assert {rev for hook, _, rev, _ in noting.calls if hook != "new_flow"} == {False}
    assert {"ip4", "ip6", "icmp4", "icmp6", "tcp", "udp", "l4"} <= {hook for hook, *_ in noting.calls}
    # Idle for too long, it ends, and the next packet begins another.
    late = traces.write(folder + "/late.pcap", [(0, packets[0]), (1, packets[5]), (100, packets[3])])
    assert [record["pkt_fwd"] for record in Observer(late, chains=["basic"], aggregate=True)] == [2, 1]
    # Functions of the first version, too.
    record, = Observer(trace, new_flow_chain=[basic_flow], ip4_chain=[basic_count], ip6_chain=[basic_count], aggregate=True)
    assert record["pkt_fwd"] > 20 and record["first"] == record["pkt_first"], record


def flushed_flows_end_and_others_begin(folder):
    from scapy_packets import conversation

    syn = conversation(4)[0]
    trace = traces.write(folder + "/flush.pcap", [(0.01 * number, syn) for number in range(6000)])
    for make in (chain, in_python):
        kinds = [make("basic"), type("Flushing", (Chain,), {
            "new_flow": lambda self, rec, ip: True,
            "ip4": lambda self, rec, ip, rev: observer.flush() if observer.counters_at(rec) else None,
        })]
        flushed = []
        observer = Observer(trace, chains=kinds)
        observer.counters_at = lambda rec: rec["pkt_fwd"] == 1000 and flushed.append(1) is None
        records = list(observer)
        assert len(flushed) > 1 and len(records) == len(flushed) + 1, (len(flushed), records)
        assert sum(record["pkt_fwd"] for record in records) == 6000, records
        assert all(record["pkt_fwd"] >= 1000 for record in records[:-1]), "it ends behind the batch of packets"
    # Before the first packet there is nothing, and behind the last nothing any more.
    observer = Observer(trace, chains=["basic"])
    observer.flush()
    assert [record["pkt_fwd"] for record in observer] == [6000]
    observer.flush()
    assert list(observer) == []
    # Flows that a chain ignored are forgotten, too.
    ignoring = Noting({"new_flow": False})
    observer = Observer(trace, chains=[ignoring])
    list(observer)
    assert observer.counters["ignored"] == 1


def idle_flows_need_not_be_looked_for(folder):
    from scapy_packets import conversation

    syn = conversation(4)[0]
    trace = traces.write(folder + "/idle.pcap", [(0, syn), (40, syn)])
    said = []
    logging.getLogger("observer").addHandler(type("Keeping", (logging.Handler,), {"emit": lambda self, one: said.append(one.getMessage())})())
    observer = Observer(trace, chains=["basic"])
    observer.purge_idle()
    observer.purge_idle(30)
    observer.purge_idle(timeout=60)
    assert not said, said
    observer.purge_idle(5)
    assert len(said) == 1 and "30.0 s" in said[0], said
    assert [record["pkt_fwd"] for record in observer] == [1, 1]


def native_fields_are_visible_in_rec(folder):
    from scapy_packets import conversation

    seen = []

    class Looking(Chain):
        def new_flow(self, rec, ip):
            assert isinstance(rec, dict) and rec["sip"] == str(ip.src_prefix) and "dip" in rec and "nothing" not in rec
            assert rec.get("proto") == ip.proto and rec.get("nothing") is None and rec.get("nothing", 7) == 7
            rec["own"] = []
            return True

        def tcp(self, rec, tcp, rev):
            seen.append((rec["pkt_fwd"], rec["pkt_rev"], rec["tcp_synflags_rev"], rec["pkt_last"]))
            assert rec["pkt_last"] == tcp.seconds
            whole = dict(rec)
            assert whole == rec and whole["pkt_fwd"] == rec["pkt_fwd"] and len(rec) == len(whole) == len(list(rec))
            assert set(rec) == set(rec.keys()) == {name for name, _ in rec.items()} and json.loads(json.dumps(rec)) == whole
            assert {**rec} == whole and rec | {} == whole and rec.copy() == whole and repr(rec) == repr(whole)
            rec["own"].append(rec["oct_fwd"])
            try:
                rec["nothing"]
                raise AssertionError("there is nothing")
            except KeyError:
                pass
            return True

    trace = traces.write(folder + "/visible.pcap", conversation(4)[:2])
    record, = Observer(trace, chains=[chain("basic"), chain("tcp"), Looking])
    assert [(fwd, rev) for fwd, rev, _, _ in seen] == [(1, 0), (1, 1)], seen
    # The chain stands behind tcp, so it sees what tcp made of the packet.
    assert [flags for _, _, flags, _ in seen] == [None, 0x12], seen
    assert record["own"] == [40, 40] and record["oct_rev"] == 40, record
    assert list(record) == ["pkt_first", *[n for n in record if n not in ("pkt_first", "own", "pkt_last")], "own", "pkt_last"]


def a_record_that_is_kept_stays(folder):
    from scapy_packets import conversation

    kept = []

    class Keeping(Chain):
        def new_flow(self, rec, ip):
            kept.append(rec)

    trace = traces.write(folder + "/kept.pcap", conversation(4))
    records = list(Observer(trace, chains=[chain("basic"), Keeping]))
    assert len(kept) == len(records) == 3
    for rec, record in zip(sorted(kept, key=lambda one: one["pkt_first"]), sorted(records, key=lambda one: one["pkt_first"])):
        assert {key: rec[key] for key in record} == record


def kept_headers_keep_their_bytes(folder):
    import gc

    from scapy_packets import all_packets

    kept = []

    class Keeping(Chain):
        def new_flow(self, rec, ip):
            kept.append((ip, bytes(ip.data)))

        def ip4(self, rec, ip, rev):
            kept.append((ip, bytes(ip.data)))
            for inner in (ip.tcp, ip.udp, ip.icmp, ip.layer2):
                if inner is not None:
                    kept.append((inner, bytes(inner.data)))
            if ip.tcp is not None and ip.tcp.payload is not None:
                kept.append((ip.tcp.payload, bytes(ip.tcp.payload.data)))

        def icmp4(self, rec, ip, q, rev):
            if q is not None:
                kept.append((q, bytes(q.data)))
                kept.append((ip.icmp.payload, bytes(q.data)))

        def l4(self, rec, pkt, rev):
            kept.append((pkt, bytes(pkt.data)))

    packets = all_packets()
    fragments = [packet for packet in packets for _ in range(2)] * 4
    list(Observer(traces.write(folder + "/kept.pcap", fragments, step=0.4), chains=[Keeping]))
    gc.collect()
    assert len(kept) > 100
    for header, data in kept:
        assert bytes(header.data) == data, header


def the_seeds_observer_is_created(folder):
    """The second form of create_observer() of the first seed, letter for letter."""
    from scapy_packets import conversation

    block = pathlib.Path(traces.ROOT / ".." / "shared" / "seeds" / "code" / "create_observer_block.py")
    if not block.exists():
        print("SKIPPED: the seed's text is not here")
        sys.exit(77)
    names = {"SynchronizedSpider": type("SynchronizedSpider", (), {}), "PluggableSpider": type("PluggableSpider", (), {}),
             "logging": logging, "sys": sys}
    exec(compile(block.read_text(), str(block), "exec"), names)
    example = names["Example"]()
    example.libtrace_uri = "pcapfile:" + traces.write(folder + "/seed.pcap", conversation(6))
    flows = queue.Queue()
    example.create_observer().run_flow_enqueuer(flows)
    records = [flows.get() for _ in range(flows.qsize() - 1)]
    assert sorted(record["proto"] for record in records) == [6, 17, 50], records
    assert all(record["pkt_fwd"] >= 1 for record in records)


def functions_of_the_first_version(folder):
    """The other names that PATHspider 1 had, a function of somebody's own among them."""
    from pathspider.observer.icmp import icmp_setup, icmp_unreachable

    from scapy_packets import conversation

    ports = []

    def own_udp(rec, udp, rev):
        ports.append((udp.src_port, udp.dst_port, rev, rec["sip"]))
        return False

    def own_l4(rec, pkt, rev):
        rec["own_proto"] = pkt.ip.proto if pkt.ip else pkt.ip6.proto
        return True

    for version in (4, 6):
        trace = traces.write(folder + "/functions.pcap", conversation(version))
        observer = Observer(
            trace,
            new_flow_chain=[basic_flow, tcp_functions.tcp_setup, icmp_setup],
            ip4_chain=[basic_count],
            ip6_chain=[basic_count],
            icmp4_chain=[icmp_unreachable],
            icmp6_chain=[icmp_unreachable],
            tcp_chain=[tcp_functions.tcp_handshake, tcp_functions.tcp_complete],
            udp_chain=[own_udp],
            l4_chain=[own_l4],
        )
        tcp, udp, other = sorted(observer, key=lambda one: one["pkt_first"])
        assert (tcp["fwd_syn_flags"], tcp["rev_syn_flags"], tcp["tcp_connected"]) == (2, 0x12, False), tcp
        assert (tcp["icmp_unreachable"], udp["icmp_unreachable"]) == (True, False)
        assert (tcp["pkt_fwd"], tcp["pkt_rev"]) == (1, 2) and other["own_proto"] == 50 and "own_proto" not in tcp
    assert len(ports) == 2 and all(port[:3] == (40001, 53, False) for port in ports), ports


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
