"""`spiderling observe` with chains that are written in Python.

Usage: chains.py TEST      (exit status 77: what it needs is not here)
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import scapy_packets  # noqa: E402
import traces  # noqa: E402
from chain_runs import CHAIN, PROGRAM, module, program, records  # noqa: E402


def a_chain_runs_beside_native_ones(folder):
    module(folder)
    trace = traces.write(folder + "/some.pcap", scapy_packets.all_packets())
    native = records("-i", trace, "basic", "tcp")
    for words in (("basic", "push:PushChain", "tcp"), ("push:push", "basic", "tcp"), ("basic", "tcp", "push")):
        made = records("-i", trace, *words, cwd=folder)
        assert not traces.differences(native, made, only=native[0].keys()), words
        assert [record["push_count"] for record in made if record["sp"] == 40000 and record["proto"] == 6] == [1, 1], made
        for record in made:
            if "trail" not in record:
                continue
            ip = [entry for entry in record["trail"] if entry[0] in ("IP", "IP6")]
            assert len(ip) == record["pkt_fwd"] + record["pkt_rev"], record
            assert sum(entry[2] for entry in ip if not entry[1]) == record["oct_fwd"], record


def it_is_found_by_module_path_and_class(folder):
    there = module(folder, name="there/push.py")
    there.with_name("push_test.py").write_text("raise SystemExit('a test of it, which nobody asked for')\n")
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    for words, where in (
        (["push"], {"cwd": there.parent}),
        (["push"], {"path": f"/nonexistent:{there.parent}"}),
        (["push:PushChain", "push:trail", "basic"], {"path": there.parent}),
        ([there], {}),
        ([f"{there}:Push"], {}),
        (["there/push.py:pushchain"], {"cwd": folder}),
        (["there"], {"cwd": folder}),
        (["there:push"], {"cwd": folder}),
    ):
        found = records("-i", trace, *(words if "basic" in words or any(":" in str(one) for one in words) else [*words, "basic"]),
                        **where)
        assert len(found) == 3 and all("push_count" in record for record in found), (words, found)
    natives = records("-i", trace, "pathspider.chains.tcp", "pathspider.chains.basic:BasicChain")
    assert natives == records("-i", trace, "tcp", "basic")


def its_fields_are_described(folder):
    module(folder)
    done = program("--describe", "push", "tcp", cwd=folder)
    assert done.returncode == 0 and "push: Counts segments with PSH" in done.stdout, done
    lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert lines["push_count"] == ["any", "segments with PSH"] and "trail_udp" in lines and "tcp_fin_fwd" in lines, lines
    schema = json.loads(program("--schema", "basic", "push", cwd=folder).stdout)
    assert schema["additionalProperties"] is True
    assert {"push_count", "trail", "trail_udp", "sip"} <= set(schema["required"]), schema
    assert schema["properties"]["push_count"] == {"description": "segments with PSH"}
    assert json.loads(program("--schema", "basic").stdout)["additionalProperties"] is False


def shards_give_what_one_gives(folder):
    module(folder)
    packets = scapy_packets.all_packets()
    many = []
    for number in range(200):
        for packet in packets:
            data = bytearray(packet)
            data[15 if data[0] >> 4 == 4 else 23] = number  # another source address
            many.append(bytes(data))
    trace = traces.write(folder + "/many.pcap", many, step=0.003)
    seen = {}
    for shards in (1, 2, 5):
        lines = program("-i", trace, "basic", "push", "tcp", cwd=folder, shards=shards)
        assert lines.returncode == 0, lines
        seen[shards] = sorted(lines.stdout.splitlines())
        assert f"{len(many)} packets" in lines.stderr, lines.stderr
    assert len(seen[1]) > 1000 and seen[1] == seen[2] == seen[5]


def what_one_prints_is_among_no_records(folder):
    module(folder, '''
from pathspider.chains.base import Chain

print("at import")

class LoudChain(Chain):
    def new_flow(self, rec, ip):
        print("a flow", "x" * 5000)
        rec["loud"] = True
        return True
''', "loud.py")
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    done = program("-i", trace, "basic", "loud", cwd=folder)
    assert [json.loads(line)["loud"] for line in done.stdout.splitlines()] == [True] * 3, done
    assert "at import\n" in done.stderr and done.stderr.count("a flow xxx") >= 3, done.stderr


def values_that_are_no_json_are_null_and_said(folder):
    module(folder, '''
from pathspider.chains.base import Chain

class OddChain(Chain):
    def new_flow(self, rec, ip):
        rec["odd_bytes"] = b"raw"
        rec["odd_nan"] = float("nan")
        rec["odd_text"] = "\\u00e9\\"\\n\\ud800"
        rec["odd_big"] = 1 << 70
        rec["odd_float"] = 1.0
        rec[7] = (1, None)
        rec["sip"] = "not ours to say"
        rec["pkt_last"] = 1
''', "odd.py")
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    done = program("-i", trace, "basic", "odd", cwd=folder)
    assert "sip" in done.stderr and done.returncode == 2, done  # both have a field sip
    module(folder, (pathlib.Path(folder) / "odd.py").read_text().replace('        rec["sip"]', '        if ip.seconds: rec["sip"]'),
           "odd.py")
    done = program("-i", trace, "basic", "odd", cwd=folder)
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 3
    for record in found:
        assert (record["odd_bytes"], record["odd_nan"], record["odd_big"], record["7"]) == (None, None, 1 << 70, [1, None]), record
        assert isinstance(record["odd_float"], float) and record["odd_text"].startswith("\u00e9\"\n"), record
        assert record["sip"] != "not ours to say" and record["pkt_last"] > 1, record
    assert done.stderr.count("cannot be said in JSON") == 1 and "odd_bytes" in done.stderr, done.stderr


def what_is_wrong_with_a_module_is_said(folder):
    module(folder, "import no_such_thing", "broken.py")
    module(folder, "class X: pass", "empty.py")
    module(folder, "def f(:", "unparsed.py")
    module(folder, "class XChain:\n  def __init__(self): raise ValueError('not today')\n  def new_flow(self, rec, ip): pass\n"
                   "  def tcp(self, rec, tcp, rev): pass\n", "unmade.py")
    module(folder, CHAIN + "class UnmadeChain:\n  def __init__(self, what): pass\n  def new_flow(self, rec, ip): pass\n"
                   "  def tcp(self, rec, tcp, rev): pass\n", "both.py")
    module(folder)
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    done = program("-i", trace, "basic", "both:push", cwd=folder)
    assert done.returncode == 0 and done.stdout, ("one that was not asked for", done)
    for word, said in (
        ("both", "UnmadeChain() failed: TypeError"),
        ("both:unmade", "UnmadeChain() failed: TypeError"),
        ("both:other", "both has no chain 'other'; there are push"),
        ("broken", "No module named 'no_such_thing'"),
        ("empty", "no chain is defined in it"),
        ("unparsed", "invalid syntax"),
        ("unmade", "XChain() failed: ValueError: not today"),
        ("push:Posh", "push has no chain 'Posh'; did you mean 'push'?"),
        ("nothing.py", "nothing.py"),
        ("nothing", "there is no chain 'nothing'"),
    ):
        done = program("-i", trace, "basic", word, cwd=folder)
        assert done.returncode == 2 and said in done.stderr and not done.stdout, (word, done)


FAILS = """
import os, pathlib, time

class FailsChain:
    def new_flow(self, rec, ip):
        rec["fails_seen"] = 0
        return True

    def tcp(self, rec, tcp, rev):
        rec["fails_seen"] += 1
        raise ValueError("no luck")

class WaitsChain:
    def new_flow(self, rec, ip):
        rec["waited"] = False
        return True

    def tcp(self, rec, tcp, rev):
        end = time.monotonic() + 60
        while not pathlib.Path(os.environ["GO_ON"]).exists() and time.monotonic() < end:
            time.sleep(0.01)
        rec["waited"] = True
        return True
"""


def one_that_raises_takes_no_other_along(folder):
    """The others see every packet; the records of its flows name it; after many failures in a row it is set aside."""
    module(folder, FAILS, "fails.py")
    trace = traces.write(folder + "/some.pcap", scapy_packets.all_packets())
    native = records("-i", trace, "basic", "tcp")
    for limit, failures in (("3", 3), ("0", None)):
        done = program("-i", trace, "basic", "fails:FailsChain", "tcp", "--max-failures", limit, cwd=folder)
        assert done.returncode == 0, done
        made = [json.loads(line) for line in done.stdout.splitlines()]
        assert not traces.differences(native, made, only=native[0].keys())
        of_tcp = [record for record in made if record["proto"] == 6 and record["tcp_connected"]]
        assert of_tcp and all(record["failed_chains"] == ["fails"] for record in of_tcp), made
        assert done.stderr.count("a chain failed; this is said once") == 1 and "no luck" in done.stderr, done.stderr
        set_aside = "a chain is set aside" in done.stderr
        assert set_aside == (failures is not None), done.stderr
        if set_aside:
            assert f" {failures} failures of chains, {len(made)} records of flows over which a chain failed" in done.stderr, done
            assert f" {failures} failures, 0 blocked, set aside\n" in done.stderr, done.stderr
            assert all(record["failed_chains"] == ["fails"] for record in made), made  # it has not seen the others
        else:
            assert all("failed_chains" not in record for record in made if record["proto"] == 17), made
    done = program("-i", trace, "fails:FailsChain", "--max-failures", "3", cwd=folder)
    assert done.returncode == 1 and "every chain failed again and again and was set aside" in done.stderr, done


def one_that_blocks_is_named(folder):
    module(folder, FAILS, "fails.py")
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    go_on, said = pathlib.Path(folder) / "go_on", pathlib.Path(folder) / "said"
    with open(said, "w", encoding="utf-8") as errors:
        process = subprocess.Popen([PROGRAM, "observe", "-i", trace, "basic", "fails:WaitsChain", "--verbose"], cwd=folder,
                                   env=os.environ | {"GO_ON": str(go_on)}, stdout=subprocess.PIPE, stderr=errors, text=True)
        end = time.monotonic() + 60
        while "a handler blocks" not in said.read_text(encoding="utf-8") and time.monotonic() < end:
            time.sleep(0.01)
        assert process.poll() is None
        go_on.touch()
        made = [json.loads(line) for line in process.communicate(timeout=60)[0].splitlines()]
    text = said.read_text(encoding="utf-8")
    assert process.returncode == 0 and any(record.get("waited") for record in made), text
    assert 'a handler blocks handler="chain waits"' in text and 'a handler that blocked has ended handler="chain waits"' in text, text
    assert "chain waits: " in text and "0 failures, 1 blocked" in text and "chain basic: " in text, text


def native_chains_load_no_python(folder):
    trace = traces.write(folder + "/some.pcap", scapy_packets.conversation(4))
    done = subprocess.run([PROGRAM, "observe", "-i", trace, "basic", "nope"], env=os.environ | {"LD_DEBUG": "files"}, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 2 and "libpython" not in done.stderr, "an interpreter is in the process"
    done = subprocess.run([PROGRAM, "observe", "-i", trace, "basic", "tcp"], env=os.environ | {"LD_DEBUG": "files"}, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0 and "libpython" not in done.stderr, "an interpreter is in the process"


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
