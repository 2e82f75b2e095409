#!/usr/bin/env python3
"""Live capture on a veth pair in a network namespace of its own: is every packet seen or counted as dropped?

    python3 bench/live/live_bench.py --build build/bench --trace FILE.pcap [--seconds 5] [--rate 300000] [--markdown]

The namespace has no name and ends with the processes in it, however they end. A sender puts the frames of the trace
on one end, at the given rate and then as fast as it can; `spiderling observe` listens on the other. What the kernel
counts as sent must be what the observer saw plus what its counters call dropped. Exit status 1 if something does not
run or the counts differ; loss that is counted is a result, not an error. Needs root: without, it says so and ends well.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from measure import RunFailed  # noqa: E402
from report import Table, rate  # noqa: E402

SENDING, LISTENING = "bench0", "bench1"


def start_in_namespaces():
    """Runs this program again in fresh network and process namespaces. When it is killed, so is all that is in them,
    the observer too, which by giving up root's rights escapes every other leash."""
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, os.path.abspath(__file__), "--inside", *sys.argv[1:]])


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def make_pair():
    # No addresses and no ARP: nothing but the sender's packets may pass. Room for two VLAN tags in a full frame.
    ip("link", "add", SENDING, "mtu", "2000", "type", "veth", "peer", "name", LISTENING, "mtu", "2000")
    for name in (SENDING, LISTENING):
        ip("link", "set", name, "arp", "off", "addrgenmode", "none")
        ip("link", "set", name, "up")


def start(command, cpu, **options):
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), text=True, errors="replace",
                            **options)


def sent_packets():
    """The kernel's count of packets that left the sending end and were taken by the other."""
    with open("/proc/self/net/dev", encoding="ascii") as file:
        line = next(line for line in file if line.strip().startswith(SENDING + ":"))
    return int(line.split(":")[1].split()[9])


def wait_for(condition, what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RunFailed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)


def is_listening(observer):
    if observer.poll() is not None:
        raise RunFailed(f"observe ended: {observer.stderr.read().strip()}")
    # Columns: sk RefCnt Type Proto Iface R ...; R is 1 once the socket is bound and running.
    with open(f"/proc/{observer.pid}/net/packet", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    index = str(socket.if_nametoindex(LISTENING))
    return any(row[4] == index and row[5] == "1" for row in rows)


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wait_until_idle(pid, seconds=60.0):
    """Until a second passes in which the process hardly works: its ring is drained."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_ticks(pid)
        time.sleep(1.0)
        if cpu_ticks(pid) - before <= 3:
            return
    raise RunFailed("observe never came to rest after the sender had ended")


def counters(text):
    """The numbers of observe's line of counters, by name: `12 packets, 0 dropped, ...`."""
    for line in reversed(text.strip().splitlines()):
        found = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z]+)", line)}
        if {"packets", "dropped"} <= set(found):
            return found
    raise RunFailed(f"no line with packets and dropped in what observe said: {text.strip()!r}")


def measure(arguments, packets_per_second):
    cpus = sorted(os.sched_getaffinity(0))
    observer = start([os.path.join(arguments.build, "spiderling"), "observe", "-i", LISTENING, "--shards", "1",
                      "basic", "tcp", "ecn"], cpus[0], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: is_listening(observer), "observe to listen")
        before = sent_packets()
        sender = start([os.path.join(arguments.build, "bench", "veth_sender"), "--interface", SENDING,
                        "--trace", arguments.trace, "--rate", str(packets_per_second),
                        "--seconds", str(arguments.seconds)], cpus[-1], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, complaint = sender.communicate()
        if sender.returncode != 0:
            raise RunFailed(f"sender: {complaint.strip()}")
        sent = sent_packets() - before
        wait_until_idle(observer.pid)
        observer.send_signal(signal.SIGINT)
        _, text = observer.communicate(timeout=120)
        if observer.returncode not in (0, 130, -signal.SIGINT):
            raise RunFailed(f"observe ended with {observer.returncode}: {text.strip()}")
        return sent, counters(text)
    finally:
        observer.kill()
        observer.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--trace", required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=300_000)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("Live: SKIPPED, a network namespace and its interfaces need root\n")
        return 0
    if not arguments.inside:
        start_in_namespaces()
    make_pair()
    table = Table(["sender", "sent", "sent/s", "seen", "dropped", "sent = seen + dropped"])
    balanced = True
    for packets_per_second in (arguments.rate, 0):
        sent, seen = measure(arguments, packets_per_second)
        equal = sent == seen["packets"] + seen["dropped"]
        balanced = balanced and equal
        name = f"{packets_per_second} packets/s" if packets_per_second else "full rate"
        table.add(name, sent, rate(sent / arguments.seconds), seen["packets"], seen["dropped"],
                  "yes" if equal else f"no, {sent - seen['packets'] - seen['dropped']} missing")
    table.print(f"Live on a veth pair, 1 shard, chains basic tcp ecn, {arguments.seconds:.0f} s each",
                arguments.markdown)
    return 0 if balanced else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RunFailed as failure:
        print(f"live bench: {failure}", file=sys.stderr)
        sys.exit(1)
