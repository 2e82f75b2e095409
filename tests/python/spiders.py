"""Plugins of PATHspider in `spiderling measure`, as their users run them: over a lab, in a sandbox of the test's own.

Usage: spiders.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "measure"))
import network  # noqa: E402
from network import OK, SPIDERLING, Lab, by, sandbox, states, sysctl  # noqa: E402

THIRD_PARTY = HERE / "third_party"
BAD = HERE / "third_party_bad"
SEED = HERE.parents[2] / "shared" / "seeds" / "code" / "pathspider-example"
QUICK = ("--linger", "0.3")


def use(*folders):
    os.environ["PYTHONPATH"] = ":".join(map(str, folders))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def need(module):
    if importlib.util.find_spec(module) is None:
        sandbox.skip(f"needs the Python module {module}")


def measure(jobs, *words, flows=True, **more):
    return network.measure(jobs, *QUICK, *(["--output-flows"] if flows else []), *words, **more)


def ask(*words):
    done = subprocess.run([SPIDERLING, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=network.DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def jobs_of(lab, count=3, host="clean"):
    """IPv4 and IPv6 targets with names and ranks."""
    addresses = [dip for version in (4, 6) for dip in lab.targets(host, version, count + 1)[:count]]
    return [{"dip": dip, "dp": 80, "domain": f"{number}.test", "rank": number} for number, dip in enumerate(addresses)]


def without_conditions():
    """The plugin draws none: its results are no less results."""
    network.check_result = json.loads


def observed(result):
    return [flow["observed"] for flow in result["flow_results"]]


# --- the seed

def the_seeds_example_as_it_is_printed():
    """PYTHONPATH=. pathspider example <jobs.csv >results.txt, in its folder."""
    if not SEED.exists():
        sandbox.skip(f"needs {SEED}")
    lab = Lab()
    os.symlink(SPIDERLING, "/run/pathspider")
    four, six = lab.targets("clean", 4), lab.targets("clean", 6)
    pathlib.Path("/run/jobs.csv").write_text(f"{four},80,four.test,1\n{six},80,six.test,2\n{four},9,refused.test,3\n")
    # The lab's targets are private, of which no run asks without being told so.
    done = subprocess.run(["sh", "-c", "PYTHONPATH=. /run/pathspider example --blocklist none </run/jobs.csv >/run/results.txt"], cwd=SEED,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, timeout=network.DEADLINE, check=False)
    assert done.returncode == 0 and "3 jobs, 3 results" in done.stderr, done
    found = by("domain", map(json.loads, pathlib.Path("/run/results.txt").read_text().splitlines()))
    assert set(found) == {"four.test", "six.test", "refused.test"}, found
    for name, result in found.items():
        assert len(result["flow_results"]) == 2, "a plugin without conditions shows its flows"
        for number, flow in enumerate(result["flow_results"]):
            assert flow["config"] == number and flow["observed"] and flow["dip"] == result["dip"] and flow["sip"] == result["sip"], flow
            assert flow["spdr_state"] == (network.FAILED if name == "refused.test" else OK), flow
            assert flow["pkt_fwd"] > 0 and flow["pkt_rev"] > 0 and "client" not in flow, flow


def options_before_the_plugins_name():
    """As PATHspider 1 had them: pathspider -i eth0 -w 10 PLUGIN."""
    use(THIRD_PARTY)
    lab = Lab()
    os.symlink(SPIDERLING, "/run/pathspider")
    results, said = network.measure(jobs_of(lab), "-w", "10", *QUICK, "talkers", name="/run/pathspider", command=())
    assert len(results) == 6 and all("talkers.own.connectivity.works" in one["conditions"] for one in results), said
    assert "pathspider: 6 jobs, 6 results" in said, said


def the_seeds_second_observer():
    """Its create_observer() with chains of functions, in the place of the first."""
    block = SEED.parent / "create_observer_block.py"
    if not block.exists():
        sandbox.skip(f"needs {block}")
    example = (SEED / "pathspider" / "plugins" / "example.py").read_text()
    method = block.read_text()
    method = method[method.index("    def create_observer"):]
    begin, end = example.index("    def create_observer"), example.index("    @staticmethod")
    imports = "".join(line for line in block.read_text().splitlines(keepends=True) if line.startswith("from"))
    folder = pathlib.Path("/run/example/pathspider/plugins")
    folder.mkdir(parents=True)
    (folder / "example.py").write_text(imports + example[:begin] + method + "\n" + example[end:])
    use("/run/example")
    lab = Lab()
    without_conditions()
    results, _ = measure(jobs_of(lab), "example", flows=False)
    assert len(results) == 6 and all(flow["observed"] and flow["pkt_fwd"] > 0 for one in by("dip", results).values() for flow in one["flow_results"]), results


# --- third parties' plugins, one of each model

def synchronized_as_it_began():
    """Jobs by position, named tuples, merge(), chains of functions."""
    use(THIRD_PARTY)
    lab = Lab()
    without_conditions()
    before = sysctl("net.ipv4.tcp_ecn")
    jobs = jobs_of(lab)
    results, said = measure(jobs, "oldecn")
    found = by("dip", results)
    assert set(found) == {job["dip"] for job in jobs}, results
    for job in jobs:
        off, on = found[job["dip"]]["flow_results"]
        assert states(found[job["dip"]]) == [OK, OK], found[job["dip"]]
        assert off["connstate"] is True and off["host"] == job["domain"] and off["rank"] == job["rank"], off
        assert off["marks"] == 0 and on["marks"] > 0, (off, on)
        assert off["pkt_fwd"] > 0 and off["dip"] == job["dip"], off
    assert sysctl("net.ipv4.tcp_ecn") == before, said
    assert "net.ipv4.tcp_ecn" in said or before == "1", said


def synchronized():
    """Configurations that change the host by programs, each of them held by all connections made in it."""
    use(THIRD_PARTY)
    lab = Lab()
    before = sysctl("net.ipv4.tcp_ecn")
    jobs = jobs_of(lab, 20)
    results, said = measure(jobs, "-w", "15", "congestion", "--connect", "tcp")
    found = by("dip", results)
    assert len(found) == 40
    for result in found.values():
        assert result["conditions"] == ["congestion.connectivity.works", "congestion.negotiation.succeeded"], result
        off, on = result["flow_results"]
        assert off["tcp_synflags_fwd"] & 0xc0 == 0 and on["tcp_synflags_fwd"] & 0xc0 == 0xc0, (off, on)
    assert sysctl("net.ipv4.tcp_ecn") == before, said


def every_way_to_connect():
    use(THIRD_PARTY)
    lab = Lab()
    for mode, port in (("tcp", 80), ("http", 80), ("https", 443), ("dnstcp", 53), ("dnsudp", 53)):
        jobs = [{**job, "dp": port, "domain": "www.example"} for job in jobs_of(lab, 1)]
        results, said = measure(jobs, "congestion", "--connect", mode)
        for result in results:
            assert states(result) == [OK, OK] and observed(result) == [True, True], (mode, result, said)
            assert "congestion.connectivity.works" in result["conditions"], (mode, result)
            if mode.startswith("http"):
                flow = result["flow_results"][0]
                assert flow["http_response_code"] == 200 and flow["http_response_header"].startswith("HTTP/1.1 200"), flow
        assert len(results) == 2, (mode, said)


def desynchronized():
    """A connection of the engine's and one of the plugin's own socket, both observed; options of its own."""
    use(THIRD_PARTY)
    lab = Lab()
    status, said, wrong = ask("measure", "talkers", "--help")
    assert status == 0 and not wrong, wrong
    for word in ("--greeting", "--times", "-n", "--shout", "--also", "--pair", "What is said first", "hello", "--connect", "--timeout"):
        assert word in said, word
    jobs = jobs_of(lab, 20)
    results, _ = measure(jobs, "talkers", "--greeting", "hoi", "-n", "2", "--also", "du", "--also", "da", "--shout", "--pair", "a", "b")
    assert len(by("dip", results)) == 40
    for result in results:
        assert result["conditions"] == ["talkers.own.connectivity.works", "talkers.ports.value:2"], result
        plain, own = result["flow_results"]
        assert own["said"] == "HOI HOI DU DA A B" and "_socket" not in own and "said" not in plain, own
        assert own["sp"] != plain["sp"] and own["pkt_fwd"] >= 2, own
    for words, reason in ((("-n", "9"), "invalid choice: 9"), (("-n", "many"), "invalid int value"), (("--pair", "a"), "--pair"),
                          (("--no-such",), "--no-such")):
        status, said, wrong = ask("measure", "-i", "lo", "talkers", *words)
        assert status == 2 and not said and reason in wrong and "Error:" not in wrong, (words, status, wrong)
    status, said, _ = ask("measure", "talkers", "--help")
    assert status == 0 and "--also TEXT ..." in said and "[]" not in said, said
    status, said, _ = ask("plugins", "show", "talkers")
    file = THIRD_PARTY / "pathspider/plugins/talkers.py"
    assert status == 0 and "| `--greeting` | What is said first" in said and f"It is in Python, in {file}." in said, said
    status, said, _ = ask("plugins", "--json")
    assert {"kind": "measurement", "module": "pathspider.plugins.talkers", "file": str(file)} in map(json.loads, said.splitlines()), said


def helpers_with_options_of_curl():
    need("pycurl")
    use(THIRD_PARTY)
    lab = Lab()
    results, _ = measure(jobs_of(lab), "curled")
    assert len(results) == 6
    for result in results:
        assert observed(result) == [True, True], result
        assert result["conditions"] == ["curled.0.value:200", "curled.1.value:200"], result


def single_with_a_chain_of_its_own():
    use(THIRD_PARTY)
    lab = Lab()
    results, _ = measure(jobs_of(lab), "segment")
    assert len(results) == 6
    for result in results:
        works, local, hops = result["conditions"]
        flow, = result["flow_results"]
        assert works == "segment.connectivity.online" and re.fullmatch(r"segment.local.value:1[34]\d\d", local), result
        assert flow["hops_rev"] > 0 and hops == f"segment.hops.value:{flow['hops_rev']}", result


def forged():
    """Packets of scapy, between ends that the engine reserves; the evil bit is really on the wire."""
    need("scapy")
    use(THIRD_PARTY)
    lab = Lab()
    jobs = [job for job in jobs_of(lab, 5) if ":" not in job["dip"]]
    results, said = measure(jobs, "wicked")
    assert len(results) == 5, said
    for result in results:
        assert result["conditions"] == ["wicked.connectivity.works", "wicked.sent.seen"], result
        assert [flow["evilbit_syn_fwd"] for flow in result["flow_results"]] == [False, True], result
        assert states(result) == [OK, OK] and all(flow["sp"] > 1024 for flow in result["flow_results"]), result
    six = [job for job in jobs_of(lab, 2) if ":" in job["dip"]]
    for result in measure(six, "wicked")[0]:
        assert "wicked.connectivity.works" in result["conditions"], result
    dns = [{**job, "dp": 53, "domain": "www.example"} for job in jobs_of(lab, 2)]
    results, _ = measure(dns, "wicked", "--connect", "dnsudp")
    assert len(results) == 4 and all(one["conditions"] == ["wicked.connectivity.works"] for one in results), results


def what_a_plugin_notes_is_in_results():
    """In the job, from whatever function; in a flow, after it was merged. What it came with stays."""
    use(THIRD_PARTY)
    lab = Lab()
    lines = [json.dumps({**job, "exact": 7})[:-1] + ', "exactly": 1.50e0}' for job in jobs_of(lab)]
    results, said = measure(lines, "notes")
    assert len(results) == 6, said
    for result in results:
        assert result["before"] == {"list": [1, "zwei", None]} and result["configs"] == [0, 1] and result["after"] == 1, result
        assert result["found"] == 2 and result["half"] == "a?" and result["conditions"] == ["notes.connectivity.online"], result
        assert re.fullmatch(r"\d\.TEST", result["domain"]) and result["dp"] == 80, result
        assert isinstance(result["rank"], int) and result["exactly"] == 1.5 and result["exact"] == 7, result
        assert "raw" not in result and "_mine" not in result, result
        first, second = result["flow_results"]
        assert first["late"] and first["kept"] == 1 and "said" not in first and first["asn"] == 64496, first
        assert second["late"] and second["said"] == "much" and "asn" not in second and second["pkt_fwd"] > 0, second
    assert said.count("'raw' of a job is left out of results: JSON has no bytes") == 1, said


def what_is_noted_of_jobs_that_failed():
    """Also of those whose connections came to nothing; and each time of a job that is measured again begins anew."""
    use(THIRD_PARTY)
    lab = Lab()
    jobs = [{**job, "dp": 9} for job in jobs_of(lab, 1)]
    for result in measure(jobs, "notes")[0]:
        assert states(result) == [network.FAILED] * 2 and result["configs"] == [0, 1], result
    for result in measure(jobs_of(lab, 1), "notes", "--repeat", "3")[0]:
        assert result["configs"] == [0, 1] and result["spdr_repeats"] >= 2, result
    path = pathlib.Path("/run/first")
    measure(jobs_of(lab, 1), "--output", str(path), "notes")
    results, said = measure([line for line in path.read_text().splitlines()], "notes")
    assert len(results) == 2 and all(one["configs"] == [0, 1, 0, 1] for one in results), (results, said)


# --- around runs

def going_on_after_a_kill():
    """With --journal each job comes out once, whatever happens to the run."""
    use(THIRD_PARTY)
    lab = Lab()
    path = pathlib.Path("/run/jobs")
    path.write_text(network.as_lines(jobs_of(lab, 150)))
    words = ("--input", str(path), "--output", "/run/results", "--journal", "/run/journal", "--resume", "-w", "20", "talkers")
    with network.Measure(*QUICK, *words) as running:
        network.wait_for(lambda: pathlib.Path("/run/results").exists() and pathlib.Path("/run/results").read_text().count("\n") >= 40
                         or running.process.poll() is not None, "40 results")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(network.DEADLINE)
    said = ask("measure", "-i", network.INTERFACE, *network.ALL_AT_ONCE, *QUICK, *words)
    assert said[0] == 0, said
    found = by("dip", map(json.loads, pathlib.Path("/run/results").read_text().splitlines()))
    assert len(found) == 300 and all("talkers.own.connectivity.works" in one["conditions"] for one in found.values())


def packets_say_what_results_say():
    use(THIRD_PARTY)
    lab = Lab()
    path = pathlib.Path("/run/results")
    _, said = measure(jobs_of(lab, 10), "--output", str(path), "--pcap", "/run/packets.pcap", "talkers")
    assert path.read_text().count("\n") == 20, said
    status, told, wrong = ask("replay", str(path), "/run/packets.pcap")
    assert status == 0 and "20 results, 20 the same, 0 differ; 40 flows, 40 of them in " in told, (told, wrong)


def interrupted_while_functions_wait():
    """One signal: what is in flight is finished. Two: it is given up, and the program ends all the same."""
    use(BAD)
    lab = Lab()
    jobs = [{**job, "domain": "bad.test"} for job in jobs_of(lab, 5)]
    for signals, status in ((1, 0), (2, 1)):
        with network.Measure(*QUICK, "--timeout", "3", "trouble", "--how", "connect:hang") as running:
            running.tell(jobs)
            running.wait_for_results(0)
            network.wait_for(lambda: len(list(pathlib.Path(f"/proc/{running.process.pid}/task").iterdir())) > 6, "threads of the plugin")
            running.process.send_signal(signal.SIGINT)
            running.wait_for_message("stopping: ")
            if signals == 2:
                running.process.send_signal(signal.SIGINT)
            running.close()
            results = running.finish(status)
            assert len(results) == (10 if signals == 1 else 0), (signals, running.stderr)


if __name__ == "__main__":
    network.main(globals())
