"""A kitchen and the hubs that it talks to, for the tests of this folder."""
import collections
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scenarios"))
import trace_text  # noqa: E402  of tests/scenarios

DEADLINE = 60  # seconds to wait for what must happen; reached only if something is wrong
SKIPPED = 77
DIE_WITH_TEST = ("setpriv", "--pdeathsig", "KILL")


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}")
        time.sleep(0.01)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def lookups(count, first=0):
    """Trace text: so many DNS queries, each for a host of its own number, at one moment."""
    return f"repeat {count} 0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:h{{{first}+i}}.example\n"


def trace_of(text):
    return trace_text.capture_of(text)


class Kitchen:
    """nd-sniff; ends with the `with`."""

    def __init__(self, *arguments, trace=None, log="json", prefix=()):
        self.folder = tempfile.TemporaryDirectory(prefix="kitchen-")
        self.program = str(pathlib.Path(self.folder.name) / "nd-sniff")
        os.symlink(os.environ["SPIDERLING"], self.program)
        self.errors = open(pathlib.Path(self.folder.name) / "stderr", "w+", encoding="utf-8")
        self.output = open(pathlib.Path(self.folder.name) / "stdout", "w+", encoding="utf-8")
        if trace is not None:
            path = pathlib.Path(self.folder.name) / "trace.pcap"
            path.write_bytes(trace)
            arguments = ("-i", str(path), *arguments)
        command = [*DIE_WITH_TEST, *prefix, self.program, "--log-format", log, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.output, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.errors.close()
        self.output.close()
        self.folder.cleanup()

    def stderr(self):
        with open(self.errors.name, encoding="utf-8") as file:
            return file.read()

    def dumplings(self):
        """Whole lines on standard output so far."""
        with open(self.output.name, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def finish(self):
        """Waits for the end. The exit status, and the counters of the closing line."""
        status = self.process.wait(DEADLINE)
        closing = [line for line in self.stderr().splitlines() if '"event":"kitchen closed"' in line]
        assert len(closing) == 1, (status, self.stderr())
        return status, collections.Counter(
            {name: value for name, value in json.loads(closing[0]).items() if isinstance(value, (int, float))})

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.finish()


class RecordingHub:
    """recording_hub.py as a process of its own."""

    def __init__(self, port=None, path=None, *flags):
        self.port = port or free_port()
        self.folder = None
        if path is None:
            self.folder = tempfile.TemporaryDirectory(prefix="hub-")
            path = pathlib.Path(self.folder.name) / "record"
            path.touch()
        self.path, self.flags, self.process = pathlib.Path(path), flags, None

    def start(self):
        command = [*DIE_WITH_TEST, sys.executable, str(HERE / "recording_hub.py"), str(self.port), str(self.path),
                   *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"listening\n"
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.kill()
        if self.folder is not None:
            self.folder.cleanup()

    def address(self):
        return f"127.0.0.1:{self.port}"

    def messages(self):
        """All whole messages recorded, hellos included."""
        return [json.loads(line) for line in self.path.read_bytes().split(b"\n")[:-1]]

    def dumplings(self):
        return [message for message in self.messages() if "metadata" in message]

    def hellos(self):
        return [message for message in self.messages() if "kitchen_name" in message]

    def hosts(self):
        """The numbers of lookups(), in the order of their arrival."""
        return [int(dumpling["payload"]["lookup"]["hostname"][1:].split(".")[0]) for dumpling in self.dumplings()
                if "lookup" in dumpling["payload"]]


class PacketPipe:
    """A trace on a kitchen's standard input that goes on for as long as the test likes."""

    def __init__(self, kitchen):
        self.stdin, self.sent = kitchen.process.stdin, 0
        self.header, self.template = self._template()
        self.stdin.write(self.header)

    @staticmethod
    def _template():
        whole = trace_of("0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:h0000000.example")
        return whole[:24], whole[24:]

    def send(self, count):
        """So many more lookups, h0000000.example and up."""
        at = self.template.index(b"h0000000")
        before, after = self.template[:at], self.template[at + 8:]
        # The checksum is not looked at.
        packets = b"".join(before + b"h%07d" % (self.sent + i) + after for i in range(count))
        self.sent += count
        self.stdin.write(packets)
        self.stdin.flush()

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()


def run_named(tests, names):
    """The tests of a file, by their names on the command line."""
    for name in names:
        began = time.monotonic()
        tests[name]()
        print(f"{name}: as it must be ({time.monotonic() - began:.1f} s)")
