"""A network namespace of this process's own, and a program that observes in it.

The namespace has no name and no file: it ends with the last process in it, also when that is killed. Nothing outside
is touched.
"""
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenarios"))

DEADLINE = 60  # seconds to wait for what must happen; reached only if something is wrong
SKIPPED = 77


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def enter(arguments):
    """Starts this program anew, as the same process, in a new network namespace with its loopback up; returns there."""
    if os.environ.get("SPIDERLING_TEST_NAMESPACE") == str(os.getpid()):
        ip("link set lo up")
        return
    unshare = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    try:
        able = subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        skip(f"needs {missing.filename}")
    if able.returncode != 0:
        skip(f"cannot make a network namespace here: {able.stderr.strip()}")
    os.environ["SPIDERLING_TEST_NAMESPACE"] = str(os.getpid())
    os.execvp(unshare[0], [*unshare, sys.executable, *arguments])


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def operational(interface):
    shown = subprocess.run(["ip", "-json", "link", "show", interface], capture_output=True, check=True).stdout
    return json.loads(shown)[0]["operstate"] == "UP"


def veth(left="left0", right="right0"):
    """Two interfaces, what is sent on one arrives on the other. IPv6 is off, so that nothing else is on the link."""
    ip(f"link add {left} type veth peer name {right}")
    for name in (left, right):
        path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if path.exists():
            path.write_text("1")
        ip(f"link set {name} up")
    wait_for(lambda: operational(left) and operational(right), "the veth pair to come up")
    return left, right


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}")
        time.sleep(0.01)


class Sender:
    """Sends frames as they are on an interface."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((interface, 0))

    def send(self, frames):
        for frame in frames:
            self.socket.send(frame)


class Observe:
    """`spiderling observe ARGUMENTS`, running; use as a context, so that it never outlives its test."""

    def __init__(self, *arguments, prefix=()):
        die_with_test = ("setpriv", "--pdeathsig", "KILL")
        command = [*die_with_test, *prefix, os.environ["SPIDERLING"], "observe", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.lines, self.records, self.errors = queue.Queue(), [], []
        self.readers = [threading.Thread(target=self._read_records), threading.Thread(target=self._read_errors)]
        for reader in self.readers:
            reader.start()

    def _read_records(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.finish()

    def wait_until_capturing(self):
        """Until it says so: from then on every packet is seen."""
        wait_for(lambda: "listening on" in self.stderr() or self.process.poll() is not None, "the capture to begin")
        assert self.process.poll() is None, f"ended at once: {self.stderr()}"

    def next_record(self):
        """The next record, as soon as it is written."""
        try:
            self.records.append(self.lines.get(timeout=DEADLINE))
        except queue.Empty as nothing:
            raise AssertionError(f"no record within {DEADLINE} s: {self.stderr()}") from nothing
        return self.records[-1]

    def finish(self):
        """Waits for the end; the exit status."""
        status = self.process.wait(DEADLINE)
        for reader in self.readers:
            reader.join(DEADLINE)
        while not self.lines.empty():
            self.records.append(self.lines.get())
        return status

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.finish()

    def stderr(self):
        return "".join(self.errors)
