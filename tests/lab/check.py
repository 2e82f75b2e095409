"""`spiderling lab check` as its users run it: each test in a mount and a PID namespace of its own, which end with it.

Usage: check.py TEST            SCALE (environment): so many times as many targets, in the tests of all measurements
"""
import json
import os
import pathlib
import subprocess
import sys

import sandbox
from sandbox import SPIDERLING, lab

MEASUREMENTS = {"ecn", "tfo", "dscp", "mss", "tcpopt", "udpzero", "evilbit", "h2", "dnsresolv"}
SCALE = os.environ.get("SCALE", "1")
LONGEST = 280 * int(SCALE)  # seconds; reached only if something hangs


def check_all(*words):
    """The verdicts of `lab check all`, and what it said on standard error."""
    done = subprocess.run([SPIDERLING, "lab", "check", "all", "--json", "--scale", SCALE, *words], capture_output=True,
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
