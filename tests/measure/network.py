"""A lab of the test's own, `spiderling measure` where its prober is, and servers of any manners where its servers are.

All in a sandbox (tests/lab/sandbox.py): a mount and a PID namespace that end with the test, and with them the lab, its
networks and whatever was started. The test's process itself stands where the prober is: programs that it starts do, too.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
import sandbox  # noqa: E402
from sandbox import DEADLINE, SPIDERLING, lab  # noqa: E402

INTERFACE = "lab0"
# The lab's targets are private and neighbours of each other, and many a test asks one more than once.
ALL_AT_ONCE = "--blocklist", "none", "--rate", "0", "--rate-per-prefix", "0", "--keep-duplicates"
STATES = OK, FAILED, TIMEOUT, SKIPPED, DISCARD = range(5)
libc = ctypes.CDLL(None, use_errno=True)


def wait_for(condition, what):
    """Until condition() is true; its value. Unlike the sandbox's, it leaves the ends of programs to who started them."""
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}")
        time.sleep(0.005)


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def sysctl(name, value=None):
    path = pathlib.Path("/proc/sys") / name.replace(".", "/")
    if value is not None:
        path.write_text(f"{value}\n")
    return path.read_text().strip()


def scenario(hosts, name="mine"):
    """A scenario file of a test's own; its path."""
    path = pathlib.Path("/run") / f"{name}.toml"
    path.write_text(f'name = "{name}"\n[usual]\necn = []\n{hosts}')
    return str(path)


class Lab:
    """Brings the lab up and steps into its prober's network. What is measured there is stated by each test."""

    def __init__(self, hosts='[[host]]\nbox = "clean"\ncount = 1000\n'):
        path = scenario(hosts)
        lab("up", path)
        self.jobs = [json.loads(line) for line in lab("jobs", path).splitlines()]
        self.servers = sandbox.Place("mine", "servers")
        prober = sandbox.Place("mine", "prober")
        assert libc.setns(prober.file, 0) == 0, os.strerror(ctypes.get_errno())

    def targets(self, host, version, count=1):
        """The first addresses of a host."""
        found = [job["dip"] for job in self.jobs if job["lab_host"] == host and (":" in job["dip"]) == (version == 6)]
        assert len(found) >= count, (host, version, found)
        return found[:count] if count > 1 else found[0]

    def serve(self, manners):
        """A server on all addresses that treats each connection as the function does, in a thread of its own; its port."""
        def listener():
            server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind(("::", 0))
            server.listen(1000)
            return server

        def accept(server):
            while True:
                connection = server.accept()[0]
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

        def treat(connection):
            with contextlib.suppress(OSError):
                manners(connection)

        server = self.servers.within(listener)
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        return server.getsockname()[1]


# --- manners of servers: each is given a connection and keeps it from being closed for as long as it runs

def request_of(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        more = connection.recv(4096)
        if not more:
            break
        text += more
    return text


def until_closed(connection):
    while connection.recv(4096):
        pass


def polite(connection):
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    connection.close()


def silent(connection):
    until_closed(connection)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# --- jobs and results

def as_lines(jobs):
    return "".join((job if isinstance(job, str) else json.dumps(job)) + "\n" for job in jobs)


def check_result(line):
    """What is true of every result; the result."""
    assert line.endswith("\n"), f"half a line: {line!r}"
    result = json.loads(line)
    assert isinstance(result, dict), line
    assert isinstance(result["conditions"], list) and all(isinstance(one, str) for one in result["conditions"]), line
    assert result["conditions"], f"nothing concluded, not even that it was skipped: {line}"
    assert result["path"][0] == result["sip"] and result["path"][-1] == result.get("dip"), line
    assert set(result["time"]) == {"from", "to"}, line
    for flow in result.get("flow_results", []):
        assert flow["spdr_state"] in STATES and isinstance(flow["observed"], bool), flow
        assert {"sp", "spdr_start", "spdr_stop", "config", "jobId", "lossy"} <= set(flow), flow
        assert flow["spdr_state"] == OK or flow["spdr_reason"], flow
    return result


class Measure:
    """`spiderling measure ARGUMENTS`, running; a context, so that it never outlives its test. Without an interface of the
    test's own it is the lab's.
    """

    def __init__(self, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, prefix=(), interface=INTERFACE, name=SPIDERLING,
                 command=("measure",), all_at_once=ALL_AT_ONCE):
        of_interface = ["-i", interface] if interface else []
        self.process = subprocess.Popen([*prefix, name, *command, *of_interface, *all_at_once, *words], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        self.lines, self.errors, self.readers = [], [], []
        for stream, lines in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            if stream is None:
                continue
            reader = threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            reader.start()
            self.readers.append(reader)

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)

    def tell(self, jobs):
        """A program that has ended reads no more."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(jobs if isinstance(jobs, bytes) else as_lines(jobs).encode())
            self.process.stdin.flush()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def wait_for_results(self, count):
        wait_for(lambda: len(self.lines) >= count or self.process.poll() is not None, f"{count} results; {self.stderr}")
        assert len(self.lines) >= count, f"ended with {len(self.lines)} of {count} results: {self.stderr}"

    def wait_for_message(self, text):
        wait_for(lambda: text in self.stderr or self.process.poll() is not None, f"'{text}' in {self.stderr}")

    def wait(self):
        """Until it has ended, and all that it and what it left behind have said is read; its status."""
        got = self.process.wait(DEADLINE)
        for reader in self.readers:
            reader.join(DEADLINE)
        return got

    def finish(self, status=0):
        """Waits for the end, which must be with this status; the results."""
        got = self.wait()
        assert got == status, f"status {got}: {self.stderr}"
        return self.results()

    def results(self):
        return [check_result(line) for line in list(self.lines)]

    @property
    def stderr(self):
        return "".join(self.errors)


def measure(jobs, *words, status=0, **more):
    """Runs it to its end; (results, what it said)."""
    with Measure(*words, **more) as running:
        feeder = threading.Thread(target=lambda: (running.tell(jobs), running.close()))
        feeder.start()
        results = running.finish(status)
        feeder.join(DEADLINE)
        return results, running.stderr


def by(key, results):
    """key -> its one result: none may come twice."""
    found = {}
    for result in results:
        assert result[key] not in found, f"{key} {result[key]} came out twice"
        found[result[key]] = result
    return found


def states(result):
    return [flow["spdr_state"] for flow in result["flow_results"]]


def is_running(process):
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def main(tests):
    """Runs the test that the command line names, in a sandbox."""
    sandbox.enter(sys.argv, ["ip", "nft", "nginx", "knotd", "openssl", "setpriv"])
    sys.stdout.reconfigure(line_buffering=True)
    began = time.monotonic()
    tests[sys.argv[1]]()
    print(f"{sys.argv[1]}: as it must be ({time.monotonic() - began:.1f} s)")
    sys.stdout.flush()
    os._exit(0)  # servers still stand in their threads; the sandbox ends with this process, and all in it
