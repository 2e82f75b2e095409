"""What the command line says of itself, and the one line of the README.

Usage: command.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import subprocess

import network
from network import SPIDERLING, Lab, lab, run, sandbox


def ask(*words, name=SPIDERLING):
    done = subprocess.run([name, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=network.DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def help_is_given():
    for name in ("pspdr", "pathspider"):
        os.symlink(SPIDERLING, f"/run/{name}")
    for name in (SPIDERLING, "/run/pspdr", "/run/pathspider"):
        status, said, wrong = ask("measure", "--help", name=name)
        assert status == 0 and not wrong, (status, wrong)
        for word in ("--interface", "--workers", "--input", "--csv-input", "--output", "--output-flows", "--interleave", "--configure",
                     "--hub", "Explicit Congestion Notification", "CAP_NET_RAW", "CAP_NET_ADMIN", "Exit status: 0"):
            assert word in said, word
        status, said, wrong = ask("measure", "ecn", "--help", name=name)
        assert status == 0 and not wrong and "--connect" in said and "--fallback" in said and "--timeout" in said, (status, said, wrong)
    assert ask("ecn", "--help", name="/run/pathspider")[0] == 0
    assert "measure" in ask("--help")[1]


def mistakes_are_named():
    for words, reason in (
            (("measure", "ecm"), "there is no 'ecm'; did you mean 'ecn'"),
            (("measure", "-i", "lo", "ecm", "--connect", "tcp"), "there is no 'ecm'; did you mean 'ecn'"),
            (("measure", "zigzag"), "there is no 'zigzag'; there are "),
            (("measure", "zigzag"), "ecn"),
            (("measure",), "required"),
            (("measure", "--no-such-option", "ecn"), "--no-such-option"),
            (("measure", "ecn", "--no-such-option"), "--no-such-option"),
            (("measure", "ecn", "--connect", "carrier-pigeon"), "carrier-pigeon"),
            (("measure", "-w", "0", "ecn"), "0"),
            (("measure", "-w", "many", "ecn"), "many"),
            (("measure", "--timeout", "-1", "ecn"), "-1"),
            (("measure", "ecn", "--timeout", "nan"), "nan"),
            (("measure", "--linger", "0", "ecn"), "0"),
            (("measure", "--interleave", "sideways", "ecn"), "sideways"),
            (("measure", "--configure", "everything", "ecn"), "everything"),
            (("measure", "--hub", "localhost", "--output", "x", "ecn"), "--output")):
        status, said, wrong = ask(*words)
        assert status == 2 and not said and reason in wrong and len(wrong.splitlines()) == 1, (words, status, said, wrong)
        assert wrong.startswith("spiderling measure: "), wrong


def the_one_line():
    """Of the README: the lab comes up, ecn is measured, the truth is printed beside it, the lab is gone."""
    before = sandbox.machine()
    said = lab("check", "ecn")
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.startswith("ecn.")}
    for condition in ("connectivity.works", "connectivity.broken", "connectivity.offline", "negotiation.succeeded", "negotiation.reflected",
                      "negotiation.failed", "ipmark.ect0.seen", "ipmark.ce.seen"):
        right, false_positives, false_negatives, _ = rows[f"ecn.{condition}"]
        assert int(right) > 0 and false_positives == false_negatives == ".", (condition, rows)
    assert said.splitlines()[-1].startswith("all right: ecn in scenario 'ecn': "), said
    sandbox.assert_as_before(before)


def the_quickstart():
    """As it stands in PATHspider's (that of dnsresolv is in names.py): an interface eth0, targets of the Internet, no options."""
    Lab()
    os.symlink(SPIDERLING, "/run/pspdr")
    for command in ("set lab0 down", "set lab0 name eth0", "set eth0 up"):
        run("ip", "link", *command.split())
    run("ip", "route", "replace", "default", "via", "100.64.0.1", "dev", "eth0")
    targets = [f"93.184.216.{last}" for last in (34, 35, 36)]
    lab("exec", "mine", "--in", "router", "--", "ip", "route", "add", "93.184.216.0/24", "via", "100.64.1.2")
    for target in targets:
        lab("exec", "mine", "--in", "servers", "--", "ip", "address", "add", f"{target}/32", "dev", "lo")
    jobs = [{"dip": target, "dp": dp, "domain": f"host{rank}.example", "rank": rank}
            for rank, (target, dp) in enumerate(zip((*targets, targets[0], targets[2]), (80, 80, 80, 1, 80), strict=True), 1)]
    here = pathlib.Path("/run/here")
    here.mkdir()
    again = {**jobs[0], "rank": 6}
    (here / "webtest.ndjson").write_text(network.as_lines([*jobs, again]))

    def shell(line):
        environment = {**os.environ, "PATH": f"/run:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", line], cwd=here, env=environment, capture_output=True, text=True, timeout=network.DEADLINE, check=False)
        assert done.returncode == 0, done.stderr
        return done

    said = shell("pspdr measure -i eth0 ecn <webtest.ndjson >results.ndjson").stderr
    found = network.by("rank", [network.check_result(line) for line in (here / "results.ndjson").read_text().splitlines(True)])
    works = ["ecn.connectivity.works", "ecn.negotiation.succeeded"]
    assert {rank: result["conditions"][:2] for rank, result in found.items()} == {
        1: works, 2: works, 3: works, 4: ["ecn.connectivity.offline"], 5: works}, (found, said)
    assert all({name: found[job["rank"]][name] for name in job} == job for job in jobs), found
    kept = [json.loads(line) for line in shell("pspdr filter --dp 80 <webtest.ndjson").stdout.splitlines()]
    assert [job["rank"] for job in kept] == [1, 2, 3, 4, 5] and all(job["dp"] == 80 for job in kept), kept
    shell("pspdr metadata results.ndjson")
    told = json.loads((here / "results.ndjson.meta.json").read_text())
    times = [result["time"] for result in found.values()]
    assert told["_time_start"] == min(time["from"] for time in times) and told["_time_end"] == max(time["to"] for time in times), told


if __name__ == "__main__":
    network.main(globals())
