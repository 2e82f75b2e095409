"""Chains in Python that do what they should not: raise, leave, recurse, never come back.

Usage: chains_failing.py TEST
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import scapy_packets  # noqa: E402
import traces  # noqa: E402
from chain_runs import PROGRAM, module, program  # noqa: E402

FAILING = '''
import sys
from pathspider.chains.base import Chain

class FailingChain(Chain):
    fields = ["fail_note"]

    def new_flow(self, rec, ip):
        rec["fail_note"] = ip.proto

    def _again(self):
        return self._again()

    def tcp(self, rec, tcp, rev):
        if rev:
            return self._again()
        sys.exit("no more")

    def udp(self, rec, udp, rev):
        return {}["nothing"]

    def icmp4(self, rec, ip, q, rev):
        raise KeyboardInterrupt
'''


def a_chain_that_fails_takes_no_other_along(folder):
    """Exceptions, sys.exit, endless recursion: named with their place, counted; the chain is set aside in the end."""
    module(folder, FAILING, "failing.py")
    module(folder)
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    done = program("-i", trace, "basic", "failing", "push", "tcp", cwd=folder)
    found = {record["proto"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert set(found) == {6, 17, 50}, done
    assert found[6]["failed_chains"] == found[17]["failed_chains"] == ["failing"] and "failed_chains" not in found[50], found
    assert (found[6]["pkt_fwd"], found[6]["pkt_rev"], found[6]["fail_note"]) == (1, 2, 6) and found[17]["trail_udp"] is not None
    assert found[6]["tcp_synflags_rev"] == 0x12, "the chain behind it saw the packet"
    assert "SystemExit: no more" in done.stderr and "failing.py" in done.stderr and "line 17" in done.stderr, done.stderr
    many = traces.write(folder + "/many.pcap", [scapy_packets.conversation(4)[3]] * 300)
    done = program("-i", many, "basic", "failing", cwd=folder)
    assert "KeyError: 'nothing'" in done.stderr and "set aside" in done.stderr, done.stderr
    record, = map(json.loads, done.stdout.splitlines())
    assert record["pkt_fwd"] == 300 and record["failed_chains"] == ["failing"], record


def a_chain_that_fails_is_named_in_an_observers_records(folder):
    from pathspider.chains.basic import BasicChain
    from pathspider.observer import Observer

    module(folder, FAILING, "failing.py")
    sys.path.insert(0, folder)
    import failing

    def broken_function(rec, tcp, rev):
        raise ValueError(tcp.src_port)

    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    observer = Observer(trace, chains=[BasicChain, failing.FailingChain])
    found = {record["proto"]: record for record in observer}
    assert found[6]["failed_chains"] == ["FailingChain"] and "failed_chains" not in found[50], found
    assert observer.counters["chain_failures"] == 4 and observer.counters["chains_set_aside"] == 0, observer.counters
    observer = Observer(trace, new_flow_chain=[lambda rec, ip: True], tcp_chain=[broken_function, lambda rec, tcp, rev: True])
    found = list(observer)
    assert sum("failed_chains" in record for record in found) == 1, found
    assert any("broken_function" in name for record in found for name in record.get("failed_chains", ())), found


def a_hook_that_never_returns_ends_with_the_run(folder):
    module(folder, '''
import sys
from pathspider.chains.base import Chain

class EndlessChain(Chain):
    fields = ["endless"]

    def new_flow(self, rec, ip):
        rec["endless"] = "began"

    def tcp(self, rec, tcp, rev):
        print("round and round", file=sys.stderr, flush=True)
        while True:
            pass
''', "endless.py")
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    for shards in ("1", "3"):
        run = subprocess.Popen([PROGRAM, "observe", "-i", trace, "--shards", shards, "basic", "endless"], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert "round and round" in run.stderr.readline()
            run.terminate()
            out, err = run.communicate(timeout=60)
        finally:
            run.kill()
        assert run.returncode in (0, 1) and "5 packets" in err.splitlines()[-1], (run.returncode, err)
        found = [json.loads(line) for line in out.splitlines()]
        assert len(found) == 3 and any(record["endless"] == "began" for record in found), found


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
