"""A trace comes through a pipe that stays open; then the program is told to end. It must end at once, as after a whole
trace: status 0, whole records only, the closing line of counters.

Usage: interrupt.py SIGNAL      (the program is $SPIDERLING)
"""
import array
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import termios
import time

import trace_text

DEADLINE = 60
FLOWS = 200


def unread(pipe):
    """Bytes in a pipe that its reader has not taken yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def handles(pid, number):
    """True once a process has a handler for a signal."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def main():
    number = signal.Signals[sys.argv[1]]
    trace = trace_text.capture_of(f"repeat {FLOWS} +0.001 10.0.0.1:{{1000+i}} > 10.0.0.2:53 udp len=1")
    command = [os.environ["SPIDERLING"], "observe", "-i", "-", "basic"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(trace)
        process.stdin.flush()
        end = time.monotonic() + DEADLINE
        while (unread(process.stdin) or not handles(process.pid, number)) and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(number)
        # communicate() would close the pipe, and with it end the trace.
        try:
            status = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"still running {DEADLINE} s after {number.name}")
            return 1
        records = [json.loads(line) for line in process.stdout]
        stderr = process.stderr.read().decode()
    print(f"{number.name}: exit status {status}, {len(records)} records, standard error: {stderr}")
    return 0 if status == 0 and len(records) <= FLOWS and "packets" in stderr else 1


sys.exit(main())
