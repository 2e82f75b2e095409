#!/usr/bin/env python3
"""Measures what plugins in shared objects cost: a chain and a chef beside the same code built in, and a start with 50.

    python3 bench/plugins/plugins_bench.py --build build/bench [--rounds 9] [--markdown]

Packets lie in memory, cases take turns round after round; a difference is that of two runs of one round, and the median
of these is shown. The 50 plugins are 50 files, each with a chain of its own name; the start is that of `spiderling observe
--list-chains`, with and without them. Exit status 1 if something does not run; speed is never judged.
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = 50
NUMBERED = """#include <spiderling/chain.h>
namespace {
struct Numbered {
  static constexpr const char* name = "numbered_00";
  static constexpr const char* description = "One of many";
  struct State { std::uint32_t packets; };
  static void fields(spiderling::FieldList& list, const State& s) { list.add("packets", s.packets, "of the flow"); }
  static void ip4(State& s, const spiderling::Ipv4Header&, const spiderling::FlowPacket&) { ++s.packets; }
};
}
SPIDERLING_CHAIN(Numbered)
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    return arguments


def packets(build):
    path = os.path.join(build, "traces", "plugins.pcap")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run([os.path.join(build, "bench/make_trace"), "--packets", "500000", "--flows", "50000", "--seed", "1",
                        "--output", path], stdout=subprocess.DEVNULL, check=True)
    return path


def handlers(arguments):
    command = [os.path.join(arguments.build, "bench/plugin_bench"), packets(arguments.build),
               os.path.join(arguments.build, "bench/bench_plugin.so"), str(arguments.rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(done.stderr.strip())
    costs = {}
    for line in done.stdout.splitlines():
        name, *values = line.split("\t")
        costs[name] = [float(value) for value in values]
    table = Table(["handler", "ns/packet (lowest .. highest)", "over", "ns/packet more"])
    beside = {"chain, loaded": "chain, built in", "chain with an unused hook, loaded": "no chain", "chef, loaded": "chef, built in"}
    for name, mine in costs.items():
        other = beside.get(name, "")
        more = f"{median([a - b for a, b in zip(mine, costs[other])]):+.1f}" if other else ""
        table.add(name, f"{median(mine):.1f} ({min(mine):.1f} .. {max(mine):.1f})", other, more)
    return table


def start(arguments):
    """Milliseconds of one start each, with and without the plugins."""
    program = os.path.join(arguments.build, "spiderling")
    with tempfile.TemporaryDirectory(prefix="plugins-") as folder:
        source = pathlib.Path(folder) / "numbered.cpp"
        source.write_text(NUMBERED)
        first = pathlib.Path(folder) / "numbered"
        subprocess.run(["c++", "-std=c++20", "-O2", "-shared", "-fPIC", "-I", str(ROOT / "include"), str(source), "-o", str(first)],
                       check=True)
        plugins = pathlib.Path(folder) / "plugins"
        plugins.mkdir(mode=0o755)
        for number in range(PLUGINS):  # the same file under another name, and so is its chain
            (plugins / f"numbered_{number:02}.so").write_bytes(first.read_bytes().replace(b"numbered_00", b"numbered_%02d" % number))
        times = {"without": [], "with": []}
        environment = {**os.environ, "HOME": folder}
        for _ in range(arguments.rounds + 1):
            for name, more in (("without", []), ("with", ["--plugin-dir", str(plugins)])):
                began = time.monotonic()
                done = subprocess.run([program, "observe", "--list-chains", *more], capture_output=True, text=True, check=True,
                                      env=environment)
                times[name].append(1000 * (time.monotonic() - began))
                assert done.stdout.count("numbered_") == (PLUGINS if more else 0) and not done.stderr, done.stderr
    table = Table(["start", "ms (lowest .. highest)", "ms a plugin"])
    for name, all_of_them in times.items():
        mine = all_of_them[1:]
        more = [(a - b) / PLUGINS for a, b in zip(mine, times["without"][1:])]
        table.add(f"{name} {PLUGINS} plugins", f"{median(mine):.1f} ({min(mine):.1f} .. {max(mine):.1f})",
                  f"{median(more):.2f}" if name == "with" else "")
    return table


def main():
    arguments = parse_arguments()
    try:
        for title, part in (("Handlers in a shared object", handlers), (f"A start with {PLUGINS} plugins", start)):
            part(arguments).print(f"{title}; {arguments.rounds} rounds; {machine_line()}", arguments.markdown)
    except (RunFailed, subprocess.CalledProcessError, OSError) as problem:
        print(f"plugins_bench.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
