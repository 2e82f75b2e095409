#!/usr/bin/env python3
"""Measures chains in Python beside native ones, over a trace.

    python3 bench/python/chains_bench.py --build build/bench [--trace FILE] [--rounds 5] [--markdown]

Whole process, records to /dev/null, one core unless it says more. "x native" is the time of the native chains alone in the
same round, divided by this one's. Beside it: scapy only decoding (python3-scapy), which is what a chain over it would cost
at least. Exit status 1 if something does not run; speed is never judged.
"""
import argparse
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "kitchen"))
from kitchen_bench import SCAPY_PACKETS, make_trace, scapy_rate  # noqa: E402
from measure import Program, RunFailed, machine_line, median, run, warm  # noqa: E402
from report import Table, rate  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--trace", help="a trace instead of the one that bench/make_trace makes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    return arguments


def programs(build, trace):
    observe = [os.path.join(build, "spiderling"), "observe", "-i", trace]
    chains = str(HERE / "bench_chains.py")
    python_path = f"PYTHONPATH={build}/python:{HERE}"
    in_python = ["/usr/bin/env", python_path, "/usr/bin/python3", str(HERE / "observe_in_python.py"), trace]
    rows = [
        Program("native basic, tcp", [*observe, "basic", "tcp"]),
        Program("and one hook in Python", [*observe, "basic", "tcp", f"{chains}:Window"]),
        Program("and two hooks a packet in Python", [*observe, "basic", "tcp", f"{chains}:Everywhere"]),
        Program("basic and tcp in Python", [*observe, f"{chains}:OwnBasic", f"{chains}:OwnTCP"]),
        Program("from python3: native basic, tcp", [*in_python, "native"]),
        Program("from python3: and one hook in Python", [*in_python, "with-python"]),
    ]
    if len(os.sched_getaffinity(0)) > 1:
        rows.insert(2, Program("and one hook in Python, 2 shards",
                               [*observe, "--shards", "2", "basic", "tcp", f"{chains}:Window"], "0,1"))
    return rows


def count_packets(build, trace):
    done = subprocess.run([os.path.join(build, "spiderling"), "observe", "-i", trace, "noop"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    return int(done.stderr.split(" packets")[0].split()[-1])


def measure(arguments):
    trace = arguments.trace or make_trace(arguments.build)
    packets = count_packets(arguments.build, trace)
    warm(trace)
    rows = programs(arguments.build, trace)
    samples = {program.name: [] for program in rows}
    for number in range(1, arguments.rounds + 1):
        for program in rows:
            samples[program.name].append(run(arguments.build, program))
        print(f"round {number} of {arguments.rounds} done", file=sys.stderr)
    natives = samples[rows[0].name]
    table = Table(["chains", "packets/s [min..max]", "x native", "CPU s", "peak MB"])
    for program in rows:
        mine = samples[program.name]
        walls = [sample.wall for sample in mine]
        ratio = median([native.wall / ours.wall for native, ours in zip(natives, mine)])
        table.add(program.name, f"{rate(packets / median(walls))} [{rate(packets / max(walls))}..{rate(packets / min(walls))}]",
                  f"{ratio:.2f}", f"{median([s.cpu for s in mine]):.2f}", f"{max(s.peak_kib for s in mine) / 1024:.0f}")
    theirs = scapy_rate(trace)
    if theirs is not None:
        native_rate = packets / median([sample.wall for sample in natives])
        table.add(f"scapy, decoding only ({SCAPY_PACKETS} packets)", rate(theirs), f"{theirs / native_rate:.5f}", "", "")
    table.print(f"Chains in Python: {packets} packets ({os.path.getsize(trace) / 1e6:.0f} MB); {arguments.rounds} rounds",
                arguments.markdown)


def main():
    print(f"Machine: {machine_line()}\n")
    try:
        measure(parse_arguments())
    except RunFailed as failure:
        print(f"chains_bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
