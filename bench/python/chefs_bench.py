#!/usr/bin/env python3
"""Measures chefs in Python under nd-sniff beside native ones, over a trace of which one packet in a hundred is DNS.

    python3 bench/python/chefs_bench.py --build build/bench [--packets 1000000] [--rounds 5] [--markdown]

Whole process, dumplings to /dev/null. The chef is that of netdumplings' guide (SPIDERLING_SEEDS/my_chefs.py, or one that does
the same). "x scapy" is its rate divided by that of the original way in the same round: scapy dissecting every packet, then the
same handler. Exit status 1 if something does not run or a dumpling is missing; speed is never judged.
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from measure import RunFailed, machine_line, median, warm  # noqa: E402
from report import Table, rate  # noqa: E402

ORIGINAL_PACKETS = 20_000
SEEDS = pathlib.Path(os.environ.get("SPIDERLING_SEEDS", HERE.parents[1].parent / "shared" / "seeds" / "code"))
# As the original did it: a packet of scapy for each, to every chef.
ORIGINAL = f"""
import importlib.util, logging, sys, time
logging.getLogger("scapy").setLevel(logging.CRITICAL)
import scapy.all
from scapy.utils import PcapReader
spec = importlib.util.spec_from_file_location("chefs", sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
chef = getattr(module, sys.argv[3])()
began, count, made = time.monotonic(), 0, 0
with PcapReader(sys.argv[1]) as reader:
    for packet in reader:
        count += 1
        made += chef.packet_handler(packet) is not None
        if count == {ORIGINAL_PACKETS}: break
print(count / (time.monotonic() - began))
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    return arguments


def ethernet(protocol, transport, source, destination):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(transport), 1, 0, 64, protocol, 0, source, destination)
    return bytes(6) + b"\2" + bytes(5) + b"\x08\0" + ip + transport


def frames():
    """A hundred packets, the last of them a question of DNS; others are segments with and without data."""
    here, there = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 1))
    for i in range(99):
        payload = bytes(1000) if i % 2 else b""
        tcp = struct.pack("!HHIIBBHHH", 40000 + i, 443, i, i, 0x50, 0x10, 65535, 0, 0)
        yield ethernet(6, tcp + payload, here, there)
    question = b"\0\7\1\0\0\1\0\0\0\0\0\0" + b"\3www\7example\3org\0" + b"\0\1\0\1"
    yield ethernet(17, struct.pack("!HHHH", 4000, 53, 8 + len(question), 0) + question, here, there)


def make_trace(build, packets):
    folder = pathlib.Path(build, "traces")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"dns-in-a-hundred-{packets}.pcap"
    if not path.exists():
        hundred = list(frames())
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for number in range(packets // 100):
                seconds, micros = divmod(number * 1000, 1_000_000)
                for frame in hundred:
                    file.write(struct.pack("<IIII", 1_600_000_000 + seconds, micros, len(frame), len(frame)) + frame)
    return str(path)


def sniff(build, trace, *words):
    """Seconds that nd-sniff took, its closing counters, and the MB that it had at most."""
    command = [os.path.join(build, "spiderling"), "sniff", "-i", trace, "-f", "", "--log-format", "json", "--output",
               "/dev/null", *words]
    began = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    closing = [json.loads(line) for line in log.splitlines() if "kitchen closed" in line]
    if status != 0 or not closing:
        raise RunFailed(f"{' '.join(command)}: {log}")
    return took, closing[0], used.ru_maxrss / 1024


def original_rate(build, trace, module, chef):
    done = subprocess.run(["/usr/bin/python3", "-c", ORIGINAL, trace, module, chef], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": f"{build}/python"}, check=False)
    if "No module named 'scapy'" in done.stderr:
        return None
    if done.returncode != 0:
        raise RunFailed(done.stderr)
    return float(done.stdout)


def measure(arguments):
    build, packets = arguments.build, arguments.packets // 100 * 100
    trace = make_trace(build, packets)
    ours = str(HERE / "bench_chefs.py")
    guide = (str(SEEDS / "my_chefs.py"), "DNSLookupChef") if (SEEDS / "my_chefs.py").exists() else (ours, "Lookups")
    native = ("-m", "netdumplings.dumplingchefs")
    rows = {
        "native DNSLookupChef": (*native, "-c", "DNSLookupChef"),
        "the guide's chef in Python": ("-m", guide[0], "-c", guide[1]),
        "the same, saying what it wants": ("-m", ours, "-c", "FilteredLookups"),
        "one that reads addresses and ports": ("-m", ours, "-c", "Ports"),
        "one in Python, three native": ("-m", ours, "-c", "Lookups", *native, "-c", "DNSLookupChef", "-c", "ARPChef", "-c",
                                        "PacketCountChef"),
    }
    warm(trace)
    rates, peaks, originals = {name: [] for name in rows}, {name: 0 for name in rows}, []
    for number in range(1, arguments.rounds + 1):
        for name, words in rows.items():
            took, counters, peak = sniff(build, trace, *words)
            if "Lookup" in str(words) or "DNS" in str(words):
                chefs = 2 if name.startswith("one in Python, three") else 1
                if counters["dumplings"] < packets // 100 * chefs:
                    raise RunFailed(f"{name}: only {counters['dumplings']} dumplings")
            rates[name].append(packets / took)
            peaks[name] = max(peaks[name], peak)
        originals.append(original_rate(build, trace, *guide))
        print(f"round {number} of {arguments.rounds} done", file=sys.stderr)
    table = Table(["chefs", "packets/s [min..max]", "x scapy", "of native", "peak MB"])
    for name, mine in rates.items():
        against = [f"{median([a / b for a, b in zip(mine, originals)]):.1f}"] if None not in originals else [""]
        share = median([a / b for a, b in zip(mine, rates["native DNSLookupChef"])])
        table.add(name, f"{rate(median(mine))} [{rate(min(mine))}..{rate(max(mine))}]", *against, f"1/{1 / share:.1f}",
                  f"{peaks[name]:.0f}")
    if None not in originals:
        table.add(f"the original way: scapy, then the guide's chef ({ORIGINAL_PACKETS} packets)",
                  f"{rate(median(originals))} [{rate(min(originals))}..{rate(max(originals))}]", "1.0", "", "")
    table.print(f"Chefs in Python: {packets} packets, 1 % DNS; {arguments.rounds} rounds", arguments.markdown)


def main():
    print(f"Machine: {machine_line()}\n")
    try:
        measure(parse_arguments())
    except RunFailed as failure:
        print(f"chefs_bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
