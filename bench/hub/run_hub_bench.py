#!/usr/bin/env python3
"""Measures the hub beside Debian's mosquitto (MQTT, QoS 0) and nats-server, in one go, on the loopback interface.

    python3 bench/hub/run_hub_bench.py --build build/bench [--rounds 3] [--receivers 1,20,200] [--markdown]
                                       [--only speed,idle,stuck] [--stuck-seconds 20]

One sender sends dumplings of 200 bytes; each server passes each to all receivers. The clients are the same program for
all three (bench/hub/hub_load.cpp), which speaks just as much of each protocol as is needed.
  speed  deliveries a second, as fast as the slowest receiver gets; then p50 and p99 from sending to receiving, at half
         of each server's own rate, and of the hub also at the rate at which nats-server was asked
  idle   memory with 1,000 eaters that get nothing but the hub's status
  stuck  50,000 dumplings a second to 5 eaters, without and with another one that never reads: the hub's memory over
         time, and the p99 of the others
Exit status 1 if something does not run; speed is never judged.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import RunFailed, machine_line, median  # noqa: E402  of bench/
from report import Table, rate  # noqa: E402

PARTS = ["speed", "idle", "stuck"]
IDLE_EATERS = 1000
STUCK_RATE = 50_000
BASELINE_SECONDS = 120
MOSQUITTO = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type none
set_tcp_nodelay true
max_queued_messages 0
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="build folder (preset bench)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--receivers", default="1,20,200")
    parser.add_argument("--stuck-seconds", type=float, default=20, help="600: the ten minutes of the requirement")
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, of: " + ",".join(PARTS))
    arguments = parser.parse_args()
    arguments.receivers = [int(count) for count in arguments.receivers.split(",")]
    arguments.parts = arguments.only.split(",")
    if set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(set(arguments.parts) - set(PARTS)))}")
    return arguments


def free_ports():
    """Two neighbouring ports of the loopback interface that nobody has."""
    for port in range(23_000, 29_000, 7):
        with contextlib.ExitStack() as stack:
            try:
                for one in port, port + 1:
                    server = stack.enter_context(socket.socket())
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    server.bind(("127.0.0.1", one))
                return port
            except OSError:
                continue
    raise RunFailed("there are no free ports")


class Server:
    """with Server("hub", build) as server: server.port, server.memory()"""

    PROTOCOLS = {"hub": "ws", "mosquitto": "mqtt", "nats-server": "nats"}

    def __init__(self, name, build):
        self.name, self.protocol, self.port = name, self.PROTOCOLS[name], free_ports()
        self.folder = tempfile.TemporaryDirectory(prefix="hub-bench-")
        self.process = subprocess.Popen(self.command(build), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.__exit__()
                    raise RunFailed(f"{name} does not listen") from None
                time.sleep(0.05)

    def command(self, build):
        if self.name == "hub":
            return [os.path.join(build, "spiderling"), "hub", "--in-port", str(self.port), "--out-port", str(self.port + 1),
                    "--log-level", "error"]
        program = shutil.which(self.name, path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            raise RunFailed(f"{self.name} is missing: apt-get install {self.name}")
        if self.name == "nats-server":
            return [program, "--addr", "127.0.0.1", "--port", str(self.port)]
        config = pathlib.Path(self.folder.name) / "mosquitto.conf"
        config.write_text(MOSQUITTO.format(port=self.port), encoding="ascii")
        return [program, "-c", str(config)]

    def memory(self):
        """Resident, in MB."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def latencies(rounds, name, prefix):
    """The medians, in milliseconds."""
    if prefix + "p50_us" not in rounds[0][name]:
        return "-"
    return ", ".join(f"{median(one[name][prefix + key] for one in rounds) / 1e3:.2f}" for key in ("p50_us", "p99_us")) + " ms"


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.build = os.path.abspath(arguments.build)
        self.load = os.path.join(self.build, "bench", "hub_load")
        if not os.path.exists(self.load):
            raise RunFailed(f"{self.load} is missing: cmake --preset bench && cmake --build --preset bench")

    def command(self, server, *options):
        return [self.load, "--protocol", server.protocol, "--port", str(server.port), *map(str, options)]

    def measure(self, server, *options):
        done = subprocess.run(self.command(server, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise RunFailed(f"{server.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def speed_once(self, name, receivers):
        seconds = self.arguments.seconds
        window = 20_000 if receivers < 100 else 4_000
        with Server(name, self.build) as server:
            full = self.measure(server, "--receivers", receivers, "--seconds", seconds, "--window", window)
        return full["deliveries_per_s"]

    def latency_once(self, name, receivers, deliveries):
        with Server(name, self.build) as server:
            return self.measure(server, "--receivers", receivers, "--seconds", self.arguments.seconds, "--rate",
                                max(1, deliveries / receivers))

    def round(self, receivers):
        """{server: {"deliveries", "p50_us", "p99_us", "same_p50_us", "same_p99_us"}}; same: at half of nats-server's rate."""
        results = {}
        for name in Server.PROTOCOLS:
            deliveries = self.speed_once(name, receivers)
            results[name] = {"deliveries": deliveries, **self.latency_once(name, receivers, deliveries / 2)}
        same = self.latency_once("hub", receivers, results["nats-server"]["deliveries"] / 2)
        results["hub"].update({"same_" + key: same[key] for key in ("p50_us", "p99_us")})
        results["nats-server"].update({"same_" + key: results["nats-server"][key] for key in ("p50_us", "p99_us")})
        return results

    def speed(self):
        table = Table(["receivers", "server", "deliveries/s", "p50, p99 at half of its rate",
                       "p50, p99 at half of nats-server's", "hub / this"])
        for receivers in self.arguments.receivers:
            rounds = []
            for number in range(self.arguments.rounds):
                print(f"{receivers} receivers, round {number + 1} of {self.arguments.rounds} ...", file=sys.stderr)
                rounds.append(self.round(receivers))
            for name in Server.PROTOCOLS:
                deliveries = [one[name]["deliveries"] for one in rounds]
                ratios = [one["hub"]["deliveries"] / max(1, one[name]["deliveries"]) for one in rounds]
                table.add(receivers, name,
                          f"{rate(median(deliveries))} ({rate(min(deliveries))} .. {rate(max(deliveries))})",
                          latencies(rounds, name, ""), latencies(rounds, name, "same_"), f"{median(ratios):.2f}")
        table.print(f"One sender, dumplings of 200 bytes, {self.arguments.rounds} rounds: median (lowest .. highest)",
                    self.arguments.markdown)

    def idle(self):
        table = Table(["idle receivers", "server", "memory"])
        for name in Server.PROTOCOLS:
            with Server(name, self.build) as server:
                before = server.memory()
                with subprocess.Popen(self.command(server, "--receivers", IDLE_EATERS, "--idle", "--seconds", 12),
                                      stdout=subprocess.PIPE, text=True) as clients:
                    if not clients.stdout.readline():
                        raise RunFailed(f"{name} does not take {IDLE_EATERS} receivers")
                    most = 0
                    for _ in range(22):  # the hub's status is sent meanwhile, twice
                        time.sleep(0.5)
                        most = max(most, server.memory())
                    clients.kill()
            table.add(f"{IDLE_EATERS:,}", name, f"{most:.1f} MB (none: {before:.1f} MB)")
        table.print("Memory, most in 11 seconds", self.arguments.markdown)

    def stuck(self):
        options = ["--receivers", 5, "--rate", STUCK_RATE]
        table = Table(["eaters", "seconds", "received of sent", "p50", "p99", "hub's memory over time"])
        for stuck in 0, 1:
            # Without the stuck one nothing can pile up: what it is compared with need not take ten minutes.
            seconds = self.arguments.stuck_seconds if stuck else min(self.arguments.stuck_seconds, BASELINE_SECONDS)
            with Server("hub", self.build) as server:
                with subprocess.Popen(self.command(server, *options, "--stuck", stuck, "--seconds", seconds),
                                      stdout=subprocess.PIPE, text=True) as clients:
                    memory = []
                    while clients.poll() is None and len(memory) < 6:
                        time.sleep(seconds / 6)
                        memory.append(server.memory())
                    result = json.loads(clients.communicate()[0])
            table.add("5 and a stuck one" if stuck else "5", f"{seconds:g}", "all" if result["lost"] == 0 else f"{result['lost']} lost",
                      f"{result['p50_us'] / 1e3:.2f} ms", f"{result['p99_us'] / 1e3:.2f} ms",
                      ", ".join(f"{one:.0f}" for one in memory) + " MB")
        table.print(f"{STUCK_RATE:,} dumplings a second", self.arguments.markdown)

    def run(self):
        print(f"{machine_line()}\n")
        for part in self.arguments.parts:
            getattr(self, part)()


def main():
    arguments = parse_arguments()
    try:
        Bench(arguments).run()
    except RunFailed as problem:
        print(f"run_hub_bench.py: {problem}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
