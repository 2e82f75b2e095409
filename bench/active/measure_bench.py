#!/usr/bin/env python3
"""Measures every measurement of `spiderling measure` over a lab in which one target in twenty never answers.

    sudo python3 bench/active/measure_bench.py --build build/bench [--only ecn,mss] [--rounds 3] [--targets 30000]

Prober, middleboxes and servers are namespaces of this machine and share its cores, so the prober has to leave room for
them. Every connection of a target is observed, with --timeout 3. Targets a second: from the first job's start to the last
one's, so that the last timeouts are not counted. Beside it stands what PATHspider did on such a machine. Exit status 1 if
something does not run, a job is missing, or a flow was not observed; speed is never judged.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import RunFailed, machine_line, median  # noqa: E402
from report import Table  # noqa: E402

TIMEOUT = 3
PATHSPIDER = 30  # targets a second, at best, of the original with its observer on (see docs/performance.md)
SCENARIO = """name = "measure-bench-{pid}"
description = "for the benchmark"
measurement = "{name}"
connect = "{connect}"
[[host]]
box = "clean"
family = "v4"
count = {clean}
port = {port}
{name} = []
[[host]]
box = "silent"
family = "v4"
count = {silent}
port = {port}
{name} = []
"""


class Measured:
    """How one measurement is run here, and what it must say of a target that answers and of one that does not."""

    def __init__(self, name, connect, port, answers, silent, options=()):
        self.name, self.connect, self.port = name, connect, port
        self.answers, self.silent, self.options = answers, silent, list(options)


MEASURED = [
    Measured("ecn", "tcp", 80, "ecn.connectivity.works", "ecn.connectivity.offline"),
    Measured("tfo", "http", 80, "tfo.syndata.acked", "tfo.connectivity.offline"),
    Measured("dscp", "tcp", 80, "dscp.48.connectivity.works", "dscp.48.connectivity.offline"),
    Measured("mss", "tcp", 80, "mss.connectivity.online", "mss.connectivity.offline"),
    Measured("tcpopt", "tcp", 80, "sack.negotiation.succeeded", "sack.connectivity.offline"),
    Measured("udpzero", "dnsudp", 53, "udpzero.connectivity.works", "udpzero.connectivity.offline"),
    Measured("evilbit", "tcpsyn", 80, "evilbit.connectivity.works", "evilbit.connectivity.offline"),
    Measured("h2", "http", 80, "h2.connectivity.works", "h2.connectivity.offline"),
]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--targets", type=int, default=30_000)
    parser.add_argument("--workers", default="1000", help="one number, or several with commas")
    parser.add_argument("--only", default=",".join(one.name for one in MEASURED), help="these measurements")
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    return parser.parse_args()


class Lab:
    """with Lab(program, folder, measured, targets) as lab: lab.jobs, lab.measure(workers)"""

    def __init__(self, program, folder, measured, targets):
        self.program, self.folder, self.measured, self.targets = program, folder, measured, targets
        self.scenario = folder / "bench.toml"
        silent = targets // 20
        self.scenario.write_text(SCENARIO.format(pid=os.getpid(), name=measured.name, connect=measured.connect,
                                                 port=measured.port, clean=targets - silent, silent=silent),
                                 encoding="ascii")
        self.jobs = folder / "jobs.ndjson"

    def lab(self, *words, **options):
        done = subprocess.run([self.program, "lab", *words], check=False, **options)
        if done.returncode != 0:
            raise RunFailed(f"lab {words[0]} ended with {done.returncode}")

    def __enter__(self):
        self.lab("up", self.scenario, stdout=subprocess.DEVNULL)
        unsorted = self.folder / "unsorted"
        with open(unsorted, "wb") as file:
            self.lab("jobs", self.scenario, stdout=file)
        lines = unsorted.read_bytes().splitlines(keepends=True)
        random.Random(1).shuffle(lines)
        self.jobs.write_bytes(b"".join(lines))
        return self

    def __exit__(self, *_):
        self.lab("down", self.scenario, stdout=subprocess.DEVNULL)

    def measure(self, workers, more=()):
        results = self.folder / "results.ndjson"
        words = ["--", self.program, "measure", "-i", "lab0", "--workers", str(workers), "--timeout", str(TIMEOUT),
                 "--blocklist", "none", "--rate", "0", "--rate-per-prefix", "0", "--input", str(self.jobs),
                 "--output", str(results), *more, self.measured.name, "--connect", self.measured.connect,
                 *self.measured.options]
        child = subprocess.run([sys.executable, __file__, "--child", self.program, "lab", "exec", str(self.scenario),
                                *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if child.returncode != 0:
            raise RunFailed(f"measure ended with {child.returncode}: {child.stderr.strip().splitlines()[-1:]}")
        said = child.stderr.strip().splitlines()[-1]
        counted = count(results, self.measured)
        if counted["jobs"] != self.targets:
            raise RunFailed(f"{counted['jobs']} of {self.targets} jobs came back")
        return {**counted, "peak_mb": int(child.stdout) / 1024, "not_observed": int(number_before(said, "not observed")),
                "in_flight": int(number_before(said, "jobs in flight at most")), "dropped": int(number_before(said, "dropped"))}


def number_before(line, what):
    return line.split(" " + what)[0].split()[-1]


def seconds_of(time):
    hours, minutes, rest = time[11:-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def count(results, measured):
    """Jobs, and jobs a second between the first start and the last."""
    first, last, jobs, right = None, None, 0, 0
    with open(results, "rb") as file:
        for line in file:
            result = json.loads(line)
            started = seconds_of(result["time"]["from"])
            first = started if first is None else min(first, started)
            last = started if last is None else max(last, started)
            jobs += 1
            expected = measured.answers if result["lab_host"] == "clean" else measured.silent
            right += expected in result["conditions"]
    elapsed = (last - first) % 86400
    return {"jobs": jobs, "right": right, "rate": jobs / max(elapsed, 1e-9)}


def child(words):
    """Runs the words; their peak memory in KiB on standard output."""
    status = subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return status


def measure_rounds(lab, workers, rounds):
    done = []
    for number in range(rounds):
        done.append(lab.measure(workers))
        print(f"{lab.measured.name}, {workers} workers, round {number + 1} of {rounds} done", file=sys.stderr)
    if any(one["not_observed"] for one in done):
        raise RunFailed(f"{lab.measured.name}: flows were not observed")
    return done


def run(arguments):
    program = os.path.join(os.path.abspath(arguments.build), "spiderling")
    table = Table(["measurement", "connects by", "workers", "targets/s (lowest .. highest)", "x PATHspider", "right",
                   "not observed", "dropped", "jobs in flight", "peak MB"])
    table.add("PATHspider ecn", "http", 200, f"{PATHSPIDER}", "1", "-", "30 to 37 %", "-", "-", "-")
    wanted = [one for one in MEASURED if one.name in arguments.only.split(",")]
    with tempfile.TemporaryDirectory(prefix="measure-bench-") as folder:
        for measured in wanted:
            with Lab(program, pathlib.Path(folder), measured, arguments.targets) as lab:
                for workers in arguments.workers.split(","):
                    rounds = measure_rounds(lab, workers, arguments.rounds)
                    rates = [one["rate"] for one in rounds]
                    table.add(measured.name, measured.connect, workers,
                              f"{median(rates):,.0f} ({min(rates):,.0f} .. {max(rates):,.0f})",
                              f"{median(rates) / PATHSPIDER:.0f}",
                              f"{min(one['right'] for one in rounds)} of {arguments.targets}",
                              max(one["not_observed"] for one in rounds), max(one["dropped"] for one in rounds),
                              max(one["in_flight"] for one in rounds),
                              f"{max(one['peak_mb'] for one in rounds):.0f}")
    table.print(f"{arguments.targets} targets, 5 % of them silent, --timeout {TIMEOUT}, {arguments.rounds} rounds",
                arguments.markdown)


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(sys.argv[2:])
    arguments = parse_arguments()
    print(f"{machine_line()}\n")
    try:
        run(arguments)
    except RunFailed as problem:
        print(f"measure_bench.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
