"""pathspider.observer in an ordinary python3: its records of the reference traces and of a damaged one, by native chains, by
derived ones and by functions.

Usage: observer_corpus.py TEST      (exit status 77: what it needs is not here)
"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import traces  # noqa: E402
from pathspider.observer import Observer, basic_count, basic_flow  # noqa: E402
from pathspider.observer import tcp as tcp_functions  # noqa: E402
from shipped_chains import chain, in_python  # noqa: E402


def reference_traces():
    found = traces.corpus()
    if not found:
        print("SKIPPED: no reference traces; set SPIDERLING_CORPUS to compare with them")
        sys.exit(77)
    return found


def compare_with_corpus(classes):
    problems = []
    for trace in reference_traces():
        for name, chains in traces.SETS.items():
            records = list(Observer("pcapfile:" + str(trace), chains=[classes(one) for one in chains.split()]))
            assert all(type(record) is dict for record in records)
            json.dumps(records)
            problems += [f"{trace.name} {name}: {line}" for line in traces.differences(traces.expected(trace, name), records)]
    assert not problems, "\n".join(problems)


def shipped_chains_give_the_corpus(_):
    assert Observer(str(reference_traces()[0]), chains=[chain("basic"), chain("dns")]).chain_specs == ["basic", "dns"]
    compare_with_corpus(chain)


def derived_chains_give_the_corpus(_):
    assert not isinstance(Observer(str(reference_traces()[0]), chains=[in_python("basic")]).chain_specs[0], str)
    compare_with_corpus(in_python)


def native_and_derived_together_give_the_corpus(_):
    compare_with_corpus(lambda name: in_python(name) if name in ("tcp", "dscp", "udp", "icmp", "dns") else chain(name))


def functions_give_the_corpus(_):
    def through_python(function):
        return lambda *args, **named: function(*args, **named)

    for own in (lambda function: function, through_python):
        problems = []
        for trace in reference_traces():
            observer = Observer(
                str(trace),
                new_flow_chain=[own(basic_flow), own(tcp_functions.tcp_state_setup)],
                ip4_chain=[own(basic_count)],
                ip6_chain=[own(basic_count)],
                tcp_chain=[own(tcp_functions.tcp_state)],
            )
            assert (observer.chain_specs == ["basic", "tcp"]) == (own(basic_flow) is basic_flow)
            records = list(observer)
            names = {"pkt_first", "pkt_last", "sip", "dip", "proto", "sp", "dp", "pkt_fwd", "pkt_rev", "oct_fwd", "oct_rev",
                     "tcp_synflags_fwd", "tcp_synflags_rev", "tcp_fin_fwd", "tcp_fin_rev", "tcp_rst_fwd", "tcp_rst_rev",
                     "tcp_connected"}
            problems += [f"{trace.name}: {line}"
                         for line in traces.differences(traces.expected(trace, "headers"), records, only=names)]
            assert all(record["first"] == record["pkt_first"] and record["last"] == record["pkt_last"] for record in records)
        assert not problems, "\n".join(problems)


def all_chains_of_a_damaged_trace_agree(folder):
    """Native chains, and the same in Python, over packets that no one has sent in good faith."""
    from scapy_packets import all_packets

    packets = traces.damaged(all_packets(), 6000)
    problems = []
    for link in (traces.LINK_RAW_IP, traces.LINK_ETHERNET):
        ethernet = b"\2" * 6 + b"\3" * 6
        framed = [packet if link == traces.LINK_RAW_IP else ethernet + (b"\x86\xdd" if packet[:1] and packet[0] >> 4 == 6 else
                                                                       b"\x08\x00") + packet for packet in packets]
        trace = traces.write(folder + "/damaged.pcap", framed, link, step=0.01)
        for names in traces.SETS.values():
            natives, ours = (list(Observer(trace, chains=[make(name) for name in names.split()])) for make in (chain, in_python))
            for native, own in zip(*(sorted(some, key=lambda one: one["pkt_first"]) for some in (natives, ours))):
                # Of a header that is cut behind its ports there is no object.
                if own["proto"] in (6, 17) and own["sp"] is None:
                    own["sp"], own["dp"] = native["sp"], native["dp"]
            problems += [f"{names}: {line}" for line in traces.differences(natives, ours)]
    assert not problems, "\n".join(problems[:20])


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
