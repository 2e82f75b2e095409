#!/usr/bin/env python3
"""Measures how many names `spiderling measure dnsresolv` resolves a second, against a Knot server on this machine.

    sudo python3 bench/active/resolve_bench.py --build build/bench [--rounds 3] [--names 100000] [--markdown]

The server is that of a lab, in a namespace of its own on the same cores; every name has an A and an AAAA record. The whole
process is timed. Exit status 1 if something does not run or an address is missing; speed is never judged.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import RunFailed, machine_line, median  # noqa: E402
from report import Table  # noqa: E402

SCENARIO = """name = "resolve-bench-{pid}"
measurement = "dnsresolv"
[[host]]
box = "clean"
port = 53
dnsresolv = ["dnsresolv.resolved"]
"""
RESOLVER = "10.1.0.1"  # the one host's first address


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    return parser.parse_args()


def resolve(program, scenario, names, jobs):
    words = [program, "lab", "exec", scenario, "--", program, "measure", "--csv-input", "--input", names, "--output", jobs,
             "--rate", "0", "dnsresolv", "--resolver", RESOLVER]
    began = time.monotonic()
    done = subprocess.run([str(word) for word in words], stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise RunFailed(f"measure ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    return seconds


def run(arguments):
    program = os.path.join(os.path.abspath(arguments.build), "spiderling")
    with tempfile.TemporaryDirectory(prefix="resolve-bench-") as name:
        folder = pathlib.Path(name)
        scenario, names, jobs = folder / "resolve.toml", folder / "names.csv", folder / "jobs.ndjson"
        scenario.write_text(SCENARIO.format(pid=os.getpid()), encoding="ascii")
        names.write_text("".join(f"{i},n{i}.example.test\n" for i in range(1, arguments.names + 1)), encoding="ascii")
        subprocess.run([program, "lab", "up", scenario], check=True, stdout=subprocess.DEVNULL)
        try:
            rates = []
            for _ in range(arguments.rounds):
                rates.append(arguments.names / resolve(program, scenario, names, jobs))
                with open(jobs, "rb") as file:
                    found = sum(1 for _ in file)
                if found != 2 * arguments.names:
                    raise RunFailed(f"{found} addresses of {2 * arguments.names}")
        finally:
            subprocess.run([program, "lab", "down", scenario], check=True, stdout=subprocess.DEVNULL)
    table = Table(["dnsresolv", "names/s (lowest .. highest)", "addresses found"])
    table.add("A and AAAA, one resolver", f"{median(rates):,.0f} ({min(rates):,.0f} .. {max(rates):,.0f})",
              f"{2 * arguments.names} of {2 * arguments.names}")
    table.print(f"{arguments.names} names, {arguments.rounds} rounds", arguments.markdown)


def main():
    arguments = parse_arguments()
    print(f"{machine_line()}\n")
    try:
        run(arguments)
    except (RunFailed, subprocess.CalledProcessError) as problem:
        print(f"resolve_bench.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
