"""Jobs stream in, results stream out, and whatever ends the run, each job that was taken comes out once.

Usage: running.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

import network
from network import DEADLINE, FAILED, OK, SPIDERLING, TIMEOUT, Lab, Measure, by, measure, run, states, sysctl, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "hub"))
from hub_process import Hub  # noqa: E402

QUICK = "--linger", "0.1", "--timeout", "20"  # nothing is to time out
WORKS = "ecn.connectivity.works"
TAKEN = re.compile(r"(\d+) jobs, (\d+) results")


class Holding:
    """A server that answers nobody until it is told to."""

    def __init__(self, place):
        self.held, self.released = [], threading.Event()
        self.port = place.serve(self._treat)

    def _treat(self, connection):
        network.request_of(connection)
        self.held.append(connection)
        self.released.wait()
        connection.sendall(b"HTTP/1.1 200 At last\r\nContent-Length: 0\r\n\r\n")
        network.until_closed(connection)

    def wait_for_connections(self, count):
        wait_for(lambda: len(self.held) >= count, f"{count} connections; there are {len(self.held)}")


def taken(running):
    """(jobs that were taken, results that came of them), as the last line says."""
    numbers = TAKEN.search(running.stderr.splitlines()[-1]) or TAKEN.search(running.stderr)
    assert numbers, running.stderr
    return int(numbers[1]), int(numbers[2])


# --- what goes in comes out

FLOW_FIELDS = {"sip", "dip", "proto", "sp", "dp", "pkt_fwd", "pkt_rev", "oct_fwd", "oct_rev", "pkt_first", "pkt_last", "tcp_synflags_fwd",
               "tcp_synflags_rev", "tcp_fin_fwd", "tcp_fin_rev", "tcp_rst_fwd", "tcp_rst_rev", "tcp_connected",
               *(f"ecn_{point}_{kind}_{way}" for point in ("ect0", "ect1", "ce") for kind in ("syn", "data") for way in ("fwd", "rev")),
               "spdr_state", "spdr_start", "spdr_stop", "config", "jobId", "observed", "http_response_code"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def each_job_comes_out_once():
    """With all that it came with; and results are jobs again."""
    place = Lab()
    addresses = place.targets("clean", 4, 500) + place.targets("clean", 6, 500)
    jobs = []
    for i in range(3000):
        dip = addresses[i % len(addresses)]  # the same target more than once is more than one job
        jobs.append({"rank": i, "dip": dip, "nested": {"list": [1, {"of": None}], "text": 'é"\\\n\u2028'}, "big": 2**64 + 1, "dp": 80,
                     "domain": f"host{i}.test", "small": -1.5e-300, "true": True})
    results, said = measure(jobs, *QUICK, "--output-flows", "ecn")
    found = by("rank", results)
    assert len(found) == len(jobs), said
    for job in jobs:
        result = found[job["rank"]]
        assert list(result)[:len(job)] == list(job) and {name: result[name] for name in job} == job, result
        assert states(result) == [OK, OK] and WORKS in result["conditions"] and result["missed_flows"] == 0, result
    ports = set()
    for result in results:
        assert all(TIME.fullmatch(time) for time in result["time"].values()) and result["time"]["from"] <= result["time"]["to"], result
        for config, flow in enumerate(result["flow_results"]):
            assert FLOW_FIELDS <= set(flow), FLOW_FIELDS - set(flow)
            assert flow["config"] == config and flow["jobId"] == result["rank"] + 1 and flow["observed"] and not flow["lossy"], flow
            assert (flow["sip"], flow["dip"], flow["dp"], flow["http_response_code"]) == (result["sip"], result["dip"], 80, 200), flow
            assert (flow["tcp_synflags_fwd"] == 0xC2) == (config == 1), flow
            assert result["time"]["from"] <= flow["spdr_start"] <= flow["spdr_stop"] <= result["time"]["to"], flow
            ports.add((flow["dip"], flow["sp"]))
    assert len(ports) == 2 * len(jobs), "no connection was taken for another"
    again, _ = measure(results[:200], *QUICK, "ecn")
    assert len(by("rank", again)) == 200
    for result in again:
        before = found[result["rank"]]
        assert result["conditions"] == before["conditions"] and result["nested"] == before["nested"], result
        assert len(set(result)) == len(result) and "flow_results" not in result and "missed_flows" not in result, result


def a_list_that_is_still_being_written():
    place = Lab()
    addresses = place.targets("clean", 4, 4)
    for configure in ("socket", "host"):
        with Measure(*QUICK, "--configure", configure, "ecn") as running:
            for count, address in enumerate(addresses, 1):
                line = json.dumps({"dip": address}).encode() + b"\n"
                running.tell(line[:10])  # a pipe knows nothing of lines
                running.tell(line[10:])
                running.wait_for_results(count)
            running.close()
            assert set(by("dip", running.finish())) == set(addresses)


# --- how it ends

def one_signal():
    """What is in flight is finished, no more is taken, and the list need not end."""
    place = Lab()
    for number in (signal.SIGINT, signal.SIGTERM):
        for configure in ("socket", "host"):
            holding = Holding(place)
            jobs = [{"dip": address, "dp": holding.port, "rank": rank} for rank, address in enumerate(place.targets("clean", 4, 500))]
            with Measure(*QUICK, "--configure", configure, "-w", "7", "ecn") as running:
                running.tell(jobs)
                holding.wait_for_connections(14 if configure == "socket" else 7)
                running.process.send_signal(number)
                running.wait_for_message("stopping: 7 jobs in flight are finished first")
                holding.released.set()
                results = running.finish()
                assert set(by("rank", results)) == set(range(7)), results
                assert all(WORKS in result["conditions"] for result in results), results
                assert taken(running) == (7, 7), running.stderr


def a_signal_in_full_run():
    """Nothing is lost and nothing comes twice, whenever it is."""
    place = Lab()
    addresses = place.targets("clean", 4, 1000)
    jobs = [{"dip": address, "rank": rank} for rank, address in enumerate(addresses * 20)]
    for results_before in (1, 300, 3000):
        with Measure(*QUICK, "ecn") as running:
            feeder = threading.Thread(target=running.tell, args=(jobs,))
            feeder.start()
            running.wait_for_results(results_before)
            running.process.send_signal(signal.SIGINT)
            found = by("rank", running.finish())
            feeder.join(DEADLINE)
            assert taken(running) == (len(found), len(found)) and len(found) >= results_before, running.stderr
            assert set(found) == set(range(len(found))), "the first of the list, without gaps"


def two_signals():
    """Ends at once; results so far are whole lines; and the host is as it was."""
    place = Lab()
    before = [sysctl(name) for name in ("net.ipv4.tcp_ecn", "net.ipv4.tcp_ecn_fallback")], run("ip", "rule"), run("nft", "list", "ruleset")
    for number in (signal.SIGINT, signal.SIGTERM):
        for configure in ("socket", "host"):
            holding = Holding(place)
            done, held = place.targets("clean", 6, 20), place.targets("clean", 4, 30)
            with Measure("--linger", "0.1", "--timeout", "3600", "--configure", configure, "-w", "25", "ecn") as running:
                if configure == "socket":
                    running.tell([{"dip": address} for address in done])
                    running.wait_for_results(len(done))
                running.tell([{"dip": address, "dp": holding.port} for address in held])
                holding.wait_for_connections(50 if configure == "socket" else 25)  # of all that are taken
                running.process.send_signal(number)
                running.wait_for_message("stopping: 25 jobs in flight")
                assert running.process.poll() is None
                running.process.send_signal(number)
                results = running.finish(1)
                assert set(by("dip", results)) == set(done if configure == "socket" else ()), results
                assert "25 jobs given up" in running.stderr, running.stderr
            after = [sysctl(name) for name in ("net.ipv4.tcp_ecn", "net.ipv4.tcp_ecn_fallback")], run("ip", "rule"), run("nft", "list", "ruleset")
            assert after == before, (configure, before, after)


def a_full_disk():
    place = Lab()
    jobs = [{"dip": address} for address in place.targets("clean", 4, 500)]
    with open("/dev/full", "wb") as full, Measure(*QUICK, "ecn", stdout=full) as running:
        running.tell(jobs)  # the list stays open
        running.finish(1)
        assert "No space left on device" in running.stderr and "results are missing" in running.stderr, running.stderr
    measure(jobs, *QUICK, "--output", "/dev/full", "ecn", status=1)


def a_reader_that_has_seen_enough():
    place = Lab()
    jobs = [{"dip": address} for address in place.targets("clean", 4, 500)]
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as results, Measure(*QUICK, "-w", "10", "ecn", stdout=writer) as running:
        os.close(writer)
        running.tell(jobs[:100])
        network.check_result(results.readline().decode())
        results.close()
        running.tell(jobs[100:])  # the list stays open
        running.finish(0)
        assert "cannot write" not in running.stderr, running.stderr


def into_a_file():
    place = Lab()
    targets = place.targets("clean", 4, 50)
    path = pathlib.Path("/run/results")
    path.write_text("of yesterday\n")
    results, _ = measure([{"dip": address} for address in targets], *QUICK, "--output", str(path), "ecn")
    assert not results
    assert set(by("dip", [network.check_result(line) for line in path.read_text().splitlines(keepends=True)])) == set(targets)


def the_interface_goes_down():
    the_interface_goes(lambda _: run("ip", "link", "set", "lab0", "down"), words=["--pause", "off"])


def the_interface_is_taken_away():
    the_interface_goes(lambda _: run("ip", "link", "delete", "lab0"))
    said = measure([], "ecn", status=2)[1]
    assert "lab0" in said and len(said.splitlines()) == 1, said


def the_interface_is_taken_away_while_it_is_down():
    """What the kernel says of an interface that goes down is the last that a capture hears of it."""
    def go(running):
        run("ip", "link", "set", "lab0", "down")
        running.wait_for_message("paused: lab0 is down")
        run("ip", "link", "delete", "lab0")

    the_interface_goes(go)


def the_interface_goes(go, words=()):
    """It is said, what was taken comes out, and no target is blamed for it."""
    place = Lab()
    holding = Holding(place)
    jobs = [{"dip": address, "rank": rank, "dp": holding.port if rank % 2 else 80} for rank, address in enumerate(place.targets("clean", 4, 300))]
    with Measure("--linger", "0.1", "--timeout", "5", "-w", "20", "--output-flows", *words, "ecn") as running:
        running.tell(jobs[:20])
        running.wait_for_results(10)
        holding.wait_for_connections(20)
        go(running)
        running.tell(jobs[20:])  # the list stays open
        results = running.finish(1)
        found = by("rank", results)
        assert set(range(20)) <= set(found), sorted(found)
        assert taken(running) == (len(found), len(found)), running.stderr
        # One that is taken away goes down first: either may be what was seen.
        assert re.search("lab0: the interface (went down|is gone); no more jobs are taken", running.stderr), running.stderr
        for rank, result in found.items():
            answered = rank < 20 and rank % 2 == 0
            assert (WORKS in result["conditions"]) == answered, result
            assert answered or "pathspider.skipped" in result["conditions"], result
            assert not any(state in (FAILED, TIMEOUT) for state in states(result)), result


# --- to a hub

def to_a_hub():
    place = Lab()
    targets = place.targets("clean", 4, 30) + place.targets("clean", 6, 30)
    os.symlink(SPIDERLING, "/run/nd-print")
    with Hub() as hub:
        printer = subprocess.Popen(["/run/nd-print", "--hub", f"localhost:{hub.out_port}", "--ndjson", "--chef", "measure.ecn",
                                    "--count", str(len(targets))], stdout=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: hub.status()["dumpling_eater_count"] == 1, "the eater is known")
            jobs = [{"dip": address, "rank": rank} for rank, address in enumerate(targets)]
            results, said = measure(jobs, *QUICK, "--output-flows", "--hub", f"localhost:{hub.in_port}", "--kitchen-name", "mine", "ecn")
            assert not results and f"{len(targets)} delivered, 0 dropped on the way, 0 undelivered" in said, said
            dumplings = [json.loads(line) for line in printer.communicate(timeout=DEADLINE)[0].splitlines()]
        finally:
            printer.kill()
            printer.wait()
    assert all(one["metadata"]["chef"] == "measure.ecn" and one["metadata"]["kitchen"] == "mine" for one in dumplings), dumplings[0]
    found = by("rank", [network.check_result(json.dumps(one["payload"]) + "\n") for one in dumplings])
    assert set(found) == set(range(len(targets)))
    for rank, result in found.items():
        assert result["dip"] == targets[rank] and WORKS in result["conditions"] and states(result) == [OK, OK], result


def to_a_hub_that_is_not_there():
    place = Lab()
    jobs = [{"dip": place.targets("clean", 4)}]
    said = measure(jobs, *QUICK, "--hub", "localhost:1", "ecn", status=1)[1]
    assert "1 jobs, 1 results" in said and "1 undelivered" in said, said


if __name__ == "__main__":
    network.main(globals())
