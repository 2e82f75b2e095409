#!/usr/bin/env python3
"""Measures what a journal costs, and how a long run is gone on with.

    sudo python3 bench/active/campaign_bench.py --build build/bench [--rounds 5] [--targets 50000] [--jobs 1000000]

Over a lab in which one target in twenty never answers (see measure_bench.py), `measure ecn`:
 - the same list with and without --journal, by turns: the ratio of the two rates, round by round;
 - a list of --jobs targets with --journal, killed (SIGKILL) when nine tenths of its results are written, then --resume:
   seconds until the first new result is in the file, peak memory of both parts, and whether each job came out just once.
Exit status 1 if something does not run, or a job is missing or there twice; speed is never judged.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import RunFailed, machine_line, median  # noqa: E402
from report import Table  # noqa: E402
from measure_bench import MEASURED, TIMEOUT, Lab  # noqa: E402

ECN = MEASURED[0]
KILLED_AT = 0.9  # of the results
LONGEST = 3600   # seconds: then something hangs


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--targets", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    return parser.parse_args()


class Campaign:
    """`measure ecn` with a journal in a lab, as a process that can be watched and killed."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.journal, self.results = folder / "campaign.journal", folder / "campaign.ndjson"
        self.peak_mb = 0.0

    def start(self, *more):
        words = [self.lab.program, "lab", "exec", self.lab.scenario, "--", self.lab.program, "measure", "-i", "lab0",
                 "--timeout", TIMEOUT, "--blocklist", "none", "--rate", 0, "--rate-per-prefix", 0,
                 "--input", self.lab.jobs, "--output", self.results, "--journal", self.journal, *more,
                 "ecn", "--connect", "tcp"]
        self.process = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True)

    def measuring(self):
        """The pid of `measure` itself; 0 while there is none."""
        for folder in pathlib.Path("/proc").iterdir():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
            except OSError:
                continue
            if b"measure" in words[:2] and str(self.journal).encode() in words:
                return int(folder.name)
        return 0

    def look(self):
        """Notes the memory of `measure`; bytes of results so far."""
        try:
            for line in pathlib.Path(f"/proc/{self.measuring()}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)
        except OSError:
            pass
        return self.results.stat().st_size if self.results.exists() else 0

    def until(self, reached, pause):
        """Waits until reached(bytes of results); False if the run ended before."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            if reached(self.look()):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(pause)
        raise RunFailed("measure does not come to an end")

    def finish(self):
        self.until(lambda size: False, 0.5)
        said = self.process.stderr.read().strip().splitlines()[-1:]
        if self.process.wait() != 0:
            raise RunFailed(f"measure ended with {self.process.returncode}: {said}")


def journal_cost(lab, folder, rounds):
    without, beside = [], []
    for number in range(rounds):
        without.append(lab.measure(1000)["rate"])
        journal = folder / "cost.journal"
        journal.unlink(missing_ok=True)
        beside.append(lab.measure(1000, ["--journal", str(journal)])["rate"])
        print(f"journal, round {number + 1} of {rounds} done", file=sys.stderr)
    return without, beside


def killed_and_resumed(lab, folder):
    campaign = Campaign(lab, folder)
    with open(lab.jobs, "rb") as file:
        jobs = sum(1 for _ in file)
    campaign.start()
    # A result is longer than its job: what the file will be in the end is seen from its first part.
    enough = lambda size: size > 0 and count_lines(campaign.results, size) >= KILLED_AT * jobs
    if not campaign.until(enough, 1):
        raise RunFailed("the run ended before it was killed")
    os.kill(campaign.measuring(), signal.SIGKILL)
    campaign.process.communicate()
    began = time.monotonic()
    campaign.start("--resume")
    # The file is first cut back to what the journal vouches for, then grows.
    smallest = [campaign.results.stat().st_size]

    def grew(size):
        smallest[0] = min(smallest[0], size)
        return size > smallest[0] and campaign.measuring() != 0

    if not campaign.until(grew, 0.02):
        raise RunFailed("the resumed run ended at once")
    seconds = time.monotonic() - began
    campaign.finish()
    return {"seconds": seconds, "peak_mb": campaign.peak_mb, **check_once(lab, campaign.results, jobs)}


class LineCount:
    """Lines of a file that grows, counted once each."""
    at, lines = 0, 0


def count_lines(path, size, so_far=LineCount()):
    with open(path, "rb") as file:
        file.seek(so_far.at)
        block = file.read(size - so_far.at)
    so_far.at += len(block)
    so_far.lines += block.count(b"\n")
    return so_far.lines


def check_once(lab, results, jobs):
    seen = set()
    with open(results, "rb") as file:
        for line in file:
            target = json.loads(line)["dip"]
            if target in seen:
                raise RunFailed(f"{target} came out twice")
            seen.add(target)
    if len(seen) != jobs:
        raise RunFailed(f"{len(seen)} of {jobs} jobs came out")
    return {"jobs": jobs}


def run(arguments):
    program = os.path.join(os.path.abspath(arguments.build), "spiderling")
    with tempfile.TemporaryDirectory(prefix="campaign-bench-") as name:
        folder = pathlib.Path(name)
        table = Table(["measure ecn", "targets/s, median", "of the rate without, median (lowest .. highest)"])
        with Lab(program, folder, ECN, arguments.targets) as lab:
            without, beside = journal_cost(lab, folder, arguments.rounds)
        ratios = [one / other for one, other in zip(beside, without)]
        table.add("without a journal", f"{median(without):,.0f}", "1")
        table.add("with --journal", f"{median(beside):,.0f}",
                  f"{median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})")
        table.print(f"{arguments.targets} targets, {arguments.rounds} rounds", arguments.markdown)
        with Lab(program, folder, ECN, arguments.jobs) as lab:
            resumed = killed_and_resumed(lab, folder)
        table = Table(["jobs", "peak MB", "seconds from --resume to the first new result", "came out once"])
        table.add(resumed["jobs"], f"{resumed['peak_mb']:.0f}", f"{resumed['seconds']:.2f}", resumed["jobs"])
        table.print("killed at nine tenths, then resumed", arguments.markdown)


def main():
    arguments = parse_arguments()
    print(f"{machine_line()}\n")
    try:
        run(arguments)
    except RunFailed as problem:
        print(f"campaign_bench.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
