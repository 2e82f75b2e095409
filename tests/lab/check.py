"""`spiderling lab check` as its users run it: each test in a mount and a PID namespace of its own, which end with it.

Usage: check.py TEST            SCALE (environment): so many times as many targets, in the tests of all measurements
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

import sandbox
from sandbox import SPIDERLING, lab

MEASUREMENTS = {"ecn", "tfo", "dscp", "mss", "tcpopt", "udpzero", "evilbit", "h2", "dnsresolv"}
SCALE = os.environ.get("SCALE", "1")
LONGEST = 900 * int(SCALE)  # seconds; reached only if something hangs


def check_all(*words):
    """The verdicts of `lab check all`, and what it said on standard error."""
    # Many targets, or many that are asked again, keep the machine busy: then nothing else beside them.
    at_once = ["--at-once", "1"] if SCALE != "1" or words else []
    done = subprocess.run([SPIDERLING, "lab", "check", "all", "--json", "--scale", SCALE, *at_once, *words], capture_output=True,
                          text=True, timeout=LONGEST, check=False)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    for verdict in verdicts:
        wrong = {host: told for host, told in verdict["hosts"].items() if told["right"] != told["targets"]}
        print(f"{verdict['scenario']}: {verdict['measurement']}, {verdict['targets']} targets", wrong or "all right")
    assert done.returncode == 0, done.stderr[-4000:]
    return verdicts


def assert_covers_everything(verdicts):
    assert {verdict["measurement"] for verdict in verdicts} == MEASUREMENTS, verdicts
    boxes = {line.split()[0] for line in lab("list").split("Boxes:")[1].splitlines() if line.startswith("  ")}
    for measurement in MEASUREMENTS:
        met = set()
        for verdict in verdicts:
            if verdict["measurement"] == measurement:
                met |= {box for box in boxes for host in verdict["hosts"] if host == box or host.startswith(f"{box}-")}
        assert met == boxes, f"{measurement} does not meet {boxes - met}"
    assert all(verdict["all_right"] for verdict in verdicts)


def all_of_them():
    assert_covers_everything(check_all())


def all_of_them_with_loss():
    """One packet in a hundred is lost on every path."""
    assert_covers_everything(check_all("--loss", "1", "--", "--repeat", "5"))


def right_results(path):
    """Results that a measurement without fault would print, from the file itself."""
    import tomllib
    truth = tomllib.loads(pathlib.Path(path).read_text())
    of_host = {host.get("name", host["box"]): host.get("ecn", truth["usual"]["ecn"]) for host in truth["host"]}
    return [{**job, "conditions": of_host[job["lab_host"]]} for job in map(json.loads, lab("jobs", path).splitlines())]


def results_are_judged():
    """No root needed: nothing is brought up."""
    path = str(pathlib.Path(__file__).resolve().parents[2] / "src/lab/scenarios/ecn.toml")
    right = right_results(path)

    def judge(results, status, *words):
        text = "".join(json.dumps(result) + "\n" for result in results)
        return lab("check", path, "--results", "-", *words, input=text, status=status)

    assert "all right: ecn in scenario 'ecn': 580 of 580 targets right\n" in judge(right, 0)
    verdict = json.loads(judge(right, 0, "--json"))
    assert verdict["all_right"] and verdict["targets"] == verdict["results"] == 580
    assert judge(right[1:], 1).count("1 without a result") == 2
    assert "1 results too many" in judge([*right, right[0]], 1)
    assert "1 results of no target" in judge([*right, {"dip": "192.0.2.1", "conditions": []}], 1)
    # The original's false "works" behind a box that drops ECN SYNs.
    false_works = [dict(result) for result in right]
    wrong = next(result for result in false_works if result["lab_host"] == "ecn-syn-dropped")
    wrong["conditions"] = ["ecn.connectivity.works"]
    said = judge(false_works, 1)
    assert f"ecn.connectivity.works found, which is not so: 1 times (first {wrong['dip']})" in said, said
    assert f"ecn.connectivity.broken not found, which is so: 1 times (first {wrong['dip']})" in said, said
    assert "NOT all right" in said


def one_leaves_nothing():
    before = sandbox.machine()
    said = lab("check", "ecn")
    assert "all right: ecn in scenario 'ecn': 580 of 580 targets right" in said, said
    sandbox.assert_as_before(before)


def a_lie_is_told():
    """A scenario that says what is not so."""
    path = pathlib.Path("/run/lie.toml")
    path.write_text('name = "lie"\n[[host]]\nbox = "clean"\ncount = 3\necn = ["ecn.connectivity.broken"]\n')
    said = lab("check", str(path), "--connect", "tcp", status=1)
    assert "NOT all right: ecn in scenario 'lie': 0 of 6 targets right" in said, said
    assert "ecn.connectivity.works found, which is not so: 6 times" in said, said


def what_does_not_go_with_all():
    for words in (["--measurement", "ecn"], ["--connect", "tcp"], ["--results", "-"], ["--keep"]):
        assert "goes with one scenario" in lab("check", "all", *words, status=2), words


def what_is_refused_ends_all():
    """The first that cannot measure says why, the others are ended with their labs."""
    before = sandbox.machine()
    said = lab("check", "all", "--at-once", "3", "--", "--no-such-option", status=2)
    assert said.count("--no-such-option") == 1 and "measurements in" not in said, said
    sandbox.assert_as_before(before)
    assert "--at-once" in lab("check", "all", "--at-once", "0", status=2)


def whoever_started_it_ignores_children():
    """Then the kernel would keep from us how programs ended."""
    said = lab("check", "all", "--at-once", "2", "--", "--no-such-option", status=2,
               preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert said.count("--no-such-option") == 1 and "measurements in" not in said, said


def scale_and_loss():
    path = pathlib.Path("/run/small.toml")
    path.write_text('name = "small"\n[[host]]\nbox = "clean"\ncount = 3\necn = ["ecn.connectivity.offline"]\n')
    assert len(lab("jobs", str(path), "--scale", "4").splitlines()) == 24
    assert "would have" in lab("jobs", str(path), "--scale", "4000000", status=2)
    lab("jobs", str(path), "--loss", "nan", status=2)
    # Where everything is lost, everybody is offline.
    said = lab("check", str(path), "--connect", "tcp", "--brief", "--loss", "100", "--", "--timeout", "1")
    assert said == "all right: ecn in scenario 'small': 6 of 6 targets right\n", said


if __name__ == "__main__":
    test = sys.argv[1]
    sandbox.enter(sys.argv, ["ip", "nft", "nginx", "knotd", "openssl"])
    sys.stdout.reconfigure(line_buffering=True)
    globals()[test]()
    print(f"{test}: passed")
