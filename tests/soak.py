"""Streams packets through `spiderling observe` for minutes, and fails if its memory grows or a flow is lost.

Every round brings flows that were never seen before and lets those of the round before expire, so what the program
holds stays the same for ever; only the clock goes on. Nothing is written to disk.

Usage: soak.py PROGRAM [MINUTES]
"""
import pathlib
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "scenarios"))
import trace_text

FLOWS = 5000          # a round
SECONDS_A_ROUND = 60  # of packet time: longer than idle and expiry timeout together
WARM_UP_ROUNDS = 20   # until pools and tables have their size
MOST_GROWTH = 1.10    # of resident memory, from then on


def one_round():
    """The bytes of a round's packets, the offset of each record in it, and when each was seen."""
    trace = trace_text.Trace().read(f"""
repeat {FLOWS} +0.001 10.0.{{i//250}}.{{1+i%250}}:1000 > 10.9.0.1:80 tcp S mss=1460 sack ts ws=7
repeat {FLOWS} +0.001 10.9.0.1:80 > 10.0.{{i//250}}.{{1+i%250}}:1000 tcp SA mss=1460 ecn=ect0
repeat {FLOWS} +0.001 10.0.{{i//250}}.{{1+i%250}}:1000 > 10.9.0.1:80 tcp A len=200 split=96
""".splitlines())
    data, offsets = bytearray(), []
    for at, frame, wire in trace.frames:
        offsets.append((len(data), at))
        data += struct.pack("<IIII", 0, 0, len(frame), wire) + frame
    return data, offsets


def stream(target, end):
    """Writes rounds until `end`; how many there were."""
    data, offsets = one_round()
    target.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    rounds = 0
    while time.monotonic() < end:
        for offset, at in offsets:
            seconds, rest = divmod(at + rounds * SECONDS_A_ROUND * 10**9, 10**9)
            struct.pack_into("<II", data, offset, seconds, rest // 1000)
        target.write(data)
        rounds += 1
        yield rounds
    target.close()


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class LineCounter(threading.Thread):
    def __init__(self, source):
        super().__init__()
        self.source, self.lines = source, 0
        self.start()

    def run(self):
        while block := self.source.read1(1 << 20):
            self.lines += block.count(b"\n")


def main():
    program, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10
    command = [program, "observe", "-i", "-", "--shards", "2", "basic", "tcp", "ecn", "dscp", "mss", "tcpopt"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        counter = LineCounter(process.stdout)
        warm = now = rounds = 0
        said = time.monotonic()
        for rounds in stream(process.stdin, time.monotonic() + minutes * 60):
            now = resident_mib(process.pid)
            if rounds == WARM_UP_ROUNDS:
                warm = now
            if time.monotonic() - said > 10:
                said = time.monotonic()
                print(f"{rounds * FLOWS} flows in, {counter.lines} records out, {now:.1f} MiB", flush=True)
        status = process.wait()
        counter.join()
    print(f"{rounds} rounds of {FLOWS} flows, {counter.lines} records; {warm:.1f} MiB warm, {now:.1f} MiB at the end")
    if status != 0 or counter.lines != rounds * FLOWS:
        print(f"exit status {status}; expected {rounds * FLOWS} records")
        return 1
    if rounds < WARM_UP_ROUNDS or now > warm * MOST_GROWTH:
        print("memory grew" if rounds >= WARM_UP_ROUNDS else "too short to tell")
        return 1
    return 0


sys.exit(main())
