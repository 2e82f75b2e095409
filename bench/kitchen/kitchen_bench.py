#!/usr/bin/env python3
"""Measures nd-sniff with the three chefs that ship, over a trace, its dumplings going to nd-hub.

    python3 bench/kitchen/kitchen_bench.py --build build/bench [--trace FILE] [--rounds 5] [--markdown]

The kitchen, its delivery included, has one core; the hub, with one eater that reads everything, has another. Whole
process, from its start until the hub has confirmed the last dumpling. Beside it: the same without a hub, each chef
alone, and scapy only decoding (python3-scapy, where the original spends its time). Exit status 1 if something does not
run, or if a dumpling is missing; speed is never judged.
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
from measure import Program, RunFailed, machine_line, median, run, warm  # noqa: E402
from report import Table, rate  # noqa: E402

SCAPY_PACKETS = 20_000
SCAPY = f"""
import logging, sys, time
logging.getLogger("scapy").setLevel(logging.CRITICAL)
import scapy.all
from scapy.utils import PcapReader
began, count = time.monotonic(), 0
with PcapReader(sys.argv[1]) as reader:
    for packet in reader:
        count += 1
        if count == {SCAPY_PACKETS}: break
print(count / (time.monotonic() - began))
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--trace", help="a trace instead of the one that bench/make_trace makes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    return arguments


def make_trace(build):
    folder = os.path.join(build, "traces")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "mixed-3140000-300000-1.pcap")  # as run_bench.py names it
    if not os.path.exists(path):
        print(f"making {path} ...", file=sys.stderr)
        maker = [os.path.join(build, "bench", "make_trace"), "--packets", "3140000", "--flows", "300000", "--seed", "1"]
        if subprocess.run([*maker, "--output", path], stdout=subprocess.DEVNULL, check=False).returncode != 0:
            raise RunFailed("make_trace failed")
    return path


class Hub:
    """nd-hub on free ports, with one eater, on another core than the kitchen's where there is one."""

    def __init__(self, spiderling):
        cores = sorted(os.sched_getaffinity(0))
        self.pin = ["taskset", "-c", str(cores[-1])]
        self.spiderling = spiderling
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")

    def __enter__(self):
        command = [*self.pin, self.spiderling, "hub", "-i", "0", "-o", "0", "--log-format", "json"]
        self.hub = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.kitchens, eaters = self.ports()
        self.eater = subprocess.Popen([*self.pin, self.spiderling, "print", "-h", f"localhost:{eaters}", "--no-payload"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def ports(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with open(self.log.name, encoding="utf-8") as log:
                for line in log:
                    if '"hub listens"' in line and line.endswith("\n"):
                        said = json.loads(line)
                        return said["in_port"], said["out_port"]
            time.sleep(0.05)
        raise RunFailed("nd-hub does not say where it listens")

    def __exit__(self, *_):
        for process in (self.eater, self.hub):
            process.send_signal(signal.SIGTERM)
            process.wait()
        self.log.close()


def count_packets(spiderling, trace):
    """Packets read of the trace, with the default filter's."""
    command = [spiderling, "sniff", "-i", trace, "--output", "/dev/null", "--log-level", "error", "--log-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    closing = json.loads(done.stderr.splitlines()[-1])
    return closing["packets"] + closing.get("filtered", 0)


def scapy_rate(trace):
    done = subprocess.run(["/usr/bin/python3", "-c", SCAPY, trace], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def measure(arguments):
    spiderling = os.path.join(arguments.build, "spiderling")
    trace = arguments.trace or make_trace(arguments.build)
    packets = count_packets(spiderling, trace)
    warm(trace)
    sniff = [spiderling, "sniff", "-i", trace, "--log-level", "error"]
    with Hub(spiderling) as hub:
        to_hub = ["-h", f"localhost:{hub.kitchens}"]
        programs = [Program("three chefs, to nd-hub", [*sniff, *to_hub]),
                    Program("three chefs, no filter, to nd-hub", [*sniff, *to_hub, "-f", ""]),
                    Program("three chefs, --output", [*sniff, "--output", "/dev/null"]),
                    *(Program(f"{chef} alone, --output", [*sniff, "-c", chef, "--output", "/dev/null"])
                      for chef in ("DNSLookupChef", "ARPChef", "PacketCountChef"))]
        samples = {program.name: [] for program in programs}
        for number in range(1, arguments.rounds + 1):
            for program in programs:
                samples[program.name].append(run(arguments.build, program))
            print(f"round {number} of {arguments.rounds} done", file=sys.stderr)
    table = Table(["kitchen", "packets/s [min..max]", "packets/s of CPU time", "CPU s", "peak MB"])
    for program in programs:
        mine = samples[program.name]
        walls, cpus = [sample.wall for sample in mine], [sample.cpu for sample in mine]
        table.add(program.name, f"{rate(packets / median(walls))} [{rate(packets / max(walls))}..{rate(packets / min(walls))}]",
                  rate(packets / median(cpus)), f"{median(cpus):.2f}", f"{max(s.peak_kib for s in mine) / 1024:.0f}")
    theirs = scapy_rate(trace)
    if theirs is not None:
        table.add(f"scapy, decoding only ({SCAPY_PACKETS} packets)", rate(theirs), "", "", "")
    table.print(f"{packets} packets ({os.path.getsize(trace) / 1e6:.0f} MB), one core; {arguments.rounds} rounds",
                arguments.markdown)


def main():
    print(f"Machine: {machine_line()}\n")
    try:
        measure(parse_arguments())
    except RunFailed as failure:
        print(f"kitchen_bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
