#!/usr/bin/env python3
"""Measures spiderling beside other programs on the same trace, in one go.

    python3 bench/run_bench.py --build build/bench [--rounds 5] [--markdown] [--only trace,memory,live,kitchen,hub,active,plugins,python]

Makes the traces once (in BUILD/traces), then runs every program in turn, round after round, so that what else the
machine does falls on all of them alike. Prints medians with the lowest and highest value; a ratio is that of the two
runs of one round, and of these again the median. Exit status 1 if something does not run; speed is never judged.
"""

import argparse
import os
import shutil
import subprocess
import sys

from measure import Program, RunFailed, machine_line, median, run, warm
from report import Table, rate

HEADER_CHAINS = ["basic", "tcp", "ecn", "dscp", "mss", "tfo", "tcpopt", "udp", "evil"]
PARTS = ["trace", "memory", "micro", "live", "kitchen", "hub", "active", "plugins", "python"]
USUAL_PARTS = "trace,memory,live,kitchen,hub,active,plugins,python"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    parser.add_argument("--only", default=USUAL_PARTS, help="parts, of: " + ",".join(PARTS))
    parser.add_argument("--packets", type=int, default=3_140_000)
    parser.add_argument("--flows", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--concurrent", type=int, default=1_000_000, help="flows of the memory test")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    arguments.parts = arguments.only.split(",")
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return arguments


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.build = arguments.build
        self.spiderling = os.path.join(self.build, "spiderling")

    def tool(self, name):
        path = os.path.join(self.build, "bench", name)
        if not os.path.exists(path):
            raise RunFailed(f"{path} is missing: cmake --preset bench && cmake --build --preset bench")
        return path

    def trace(self, name, options):
        """(path, packets) of a trace, made if it is not there yet. The name holds all that it depends on."""
        folder = os.path.join(self.build, "traces")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name + ".pcap")
        note = path + ".packets"
        maker = self.tool("make_trace")
        if not os.path.exists(note) or os.path.getmtime(note) < os.path.getmtime(maker):
            print(f"making {path} ...", file=sys.stderr)
            done = subprocess.run([maker, *options, "--output", path], stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                raise RunFailed("make_trace failed")
            with open(note, "w", encoding="ascii") as file:
                file.write(done.stdout.split()[0])
        with open(note, encoding="ascii") as file:
            return path, int(file.read())

    def mixed_trace(self):
        a = self.arguments
        return self.trace(f"mixed-{a.packets}-{a.flows}-{a.seed}",
                          ["--packets", str(a.packets), "--flows", str(a.flows), "--seed", str(a.seed)])

    def programs(self, trace):
        softflowd = shutil.which("softflowd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not softflowd:
            raise RunFailed("softflowd is missing: apt-get install softflowd")
        # NetFlow 9, since 5 knows no IPv6. Its own default of 8192 flows is its fastest setting: it ends the oldest
        # flow early, so that its table stays in the cache; 400000 lets every flow live, as the others do.
        netflow = [softflowd, "-d", "-v", "9", "-c", "none.ctl", "-p", "none.pid"]
        observe = [self.spiderling, "observe", "-i", trace]
        chains = ["basic", "tcp", "ecn"]
        rows = [
            Program("softflowd -r", [*netflow, "-r", trace]),
            Program("softflowd -r, no flow cut short", [*netflow, "-m", "400000", "-r", trace]),
            Program("libtins loop", [self.tool("tins_flows"), trace]),
            Program("libpcap, reading only", [self.tool("pcap_read"), trace]),
            Program("spiderling, decode and flow table only", [self.tool("decode_flows"), trace]),
            Program("spiderling observe, 1 shard", [*observe, "--shards", "1", *chains]),
        ]
        if len(os.sched_getaffinity(0)) > 1:
            rows.append(Program("spiderling observe, 2 shards", [*observe, "--shards", "2", *chains], "0,1"))
        return rows

    def measure_trace(self):
        trace, packets = self.mixed_trace()
        warm(trace)
        programs = self.programs(trace)
        samples = {program.name: [] for program in programs}
        for number in range(1, self.arguments.rounds + 1):
            for program in programs:
                samples[program.name].append(run(self.build, program))
            print(f"round {number} of {self.arguments.rounds} done", file=sys.stderr)
        size = os.path.getsize(trace) / 1e6
        table = Table(["program", "cores", "packets/s [min..max]", "x softflowd", "x libtins", "x libpcap",
                       "CPU s", "peak MB"])
        for program in programs:
            mine = samples[program.name]
            walls = [sample.wall for sample in mine]
            table.add(program.name, str(program.cpus.count(",") + 1),
                      f"{rate(packets / median(walls))} [{rate(packets / max(walls))}..{rate(packets / min(walls))}]",
                      *(self.ratio(samples[rival], mine)
                        for rival in ("softflowd -r", "libtins loop", "libpcap, reading only")),
                      f"{median([sample.cpu for sample in mine]):.2f}", f"{max(s.peak_kib for s in mine) / 1024:.0f}")
        title = (f"{packets} packets ({size:.0f} MB), {self.arguments.flows} flows, seed {self.arguments.seed}; "
                 f"{self.arguments.rounds} rounds, whole process, output to /dev/null")
        table.print(title, self.arguments.markdown)

    @staticmethod
    def ratio(rival, mine):
        return f"{median([theirs.wall / ours.wall for theirs, ours in zip(rival, mine)]):.2f}"

    def measure_memory(self):
        flows = self.arguments.concurrent
        trace, packets = self.trace(f"concurrent-{flows}-{self.arguments.seed}",
                                    ["--concurrent", str(flows), "--seed", str(self.arguments.seed)])
        warm(trace)
        observe = [self.spiderling, "observe", "-i", trace]
        table = Table(["chains", "shards", "peak MB", "bytes a flow", "packets/s"])
        for name, chains in (("basic tcp ecn", HEADER_CHAINS[:3]), ("the nine header chains", HEADER_CHAINS)):
            for shards, cpus in (("1", "0"), ("2", "0,1"))[:len(os.sched_getaffinity(0))]:
                program = Program(f"memory test, {shards} shards", [*observe, "--shards", shards, *chains], cpus)
                sample = run(self.build, program)
                table.add(name, shards, f"{sample.peak_kib / 1024:.0f}", f"{sample.peak_kib * 1024 / flows:.0f}",
                          rate(packets / sample.wall))
        table.print(f"Memory: {flows} flows alive at once, {packets} packets", self.arguments.markdown)

    def measure_micro(self):
        self.run_and_show([self.tool("micro_bench"), "--benchmark_counters_tabular=true"])

    def measure_live(self):
        trace, _ = self.mixed_trace()
        self.run_script("live/live_bench.py", "--trace", trace)

    def measure_plugins(self):
        self.run_script("plugins/plugins_bench.py", "--rounds", str(max(self.arguments.rounds, 9)))

    def measure_kitchen(self):
        trace, _ = self.mixed_trace()
        self.run_script("kitchen/kitchen_bench.py", "--trace", trace, "--rounds", str(self.arguments.rounds))

    def measure_hub(self):
        self.run_script("hub/run_hub_bench.py")

    def measure_active(self):
        self.run_script("active/measure_bench.py")
        self.run_script("active/campaign_bench.py")
        self.run_script("active/resolve_bench.py")

    def measure_python(self):
        trace, _ = self.mixed_trace()
        self.run_script("python/chains_bench.py", "--trace", trace, "--rounds", str(self.arguments.rounds))
        self.run_script("python/chefs_bench.py", "--rounds", str(self.arguments.rounds))

    def run_script(self, name, *options):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
        self.run_and_show([sys.executable, script, "--build", self.build, *options,
                           *(["--markdown"] if self.arguments.markdown else [])])

    @staticmethod
    def run_and_show(command):
        sys.stdout.flush()
        if subprocess.run(command, check=False).returncode != 0:
            raise RunFailed(f"{os.path.basename(command[0])} failed: {' '.join(command)}")


def main():
    arguments = parse_arguments()
    bench = Bench(arguments)
    print(f"Machine: {machine_line()}\n")
    failures = 0
    for part in arguments.parts:
        try:
            getattr(bench, "measure_" + part)()
        except RunFailed as failure:
            failures += 1
            print(f"bench: {part}: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
