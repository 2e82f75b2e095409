"""What the tests here share: our programs as processes, and the peers that others wrote."""
import asyncio
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SPIDERLING = os.environ.get("SPIDERLING", "spiderling")
DEADLINE = 60
NODE_MODULES = "/usr/share/nodejs"
TOKEN = "s3cret-for.this_test~1"


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


try:
    import websockets
except ImportError:
    skip("needs python3-websockets")


def need_node():
    """Skips, loudly, where there is no node with ws."""
    node = shutil.which("node")
    probe = [node, "-e", 'require("ws")']
    if node is None or subprocess.run(probe, env=node_environment(), capture_output=True, check=False).returncode:
        skip("needs nodejs and node-ws")
    return node


def node_environment():
    return {**os.environ, "NODE_PATH": NODE_MODULES}


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {DEADLINE} s for {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_folder = tempfile.mkdtemp(prefix="interop-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def temporary(name):
    return os.path.join(_folder, name)


class Certificate:
    """For localhost and 127.0.0.1, signed by itself; made once."""

    def __init__(self):
        self.certificate, self.key = temporary("certificate.pem"), temporary("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True, timeout=DEADLINE)

    def for_server(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def for_client(self):
        return ssl.create_default_context(cafile=self.certificate)


def token_file():
    path = temporary("token")
    pathlib.Path(path).write_text(TOKEN + "\n", encoding="ascii")
    os.chmod(path, 0o600)
    return path


class Program:
    """One of our commands as a process. Its output goes to files, so that no pipe fills."""

    def __init__(self, *arguments, called=None, environment=None):
        self.stdout_path = tempfile.mktemp(dir=_folder, prefix="stdout-")
        self.stderr_path = tempfile.mktemp(dir=_folder, prefix="stderr-")
        program = SPIDERLING
        if called:
            program = temporary(called)
            if not os.path.lexists(program):
                os.symlink(SPIDERLING, program)
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", **(environment or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for word in ("Sanitizer", "runtime error:", "terminate called"):
            assert word not in self.stderr(), self.stderr()

    def stdout(self):
        return pathlib.Path(self.stdout_path).read_bytes().decode()

    def stderr(self):
        return pathlib.Path(self.stderr_path).read_text(encoding="utf-8", errors="replace")

    def wait(self):
        """Its exit status."""
        return self.process.wait(DEADLINE)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()


class Hub(Program):
    """spiderling hub on free ports."""

    def __init__(self, *arguments, tls=None, token=False, ports=(0, 0)):
        options = ["-i", str(ports[0]), "-o", str(ports[1]), "--log-format", "json", "--log-level", "debug", *arguments]
        if tls:
            options += ["--tls-cert", tls.certificate, "--tls-key", tls.key]
        if token:
            options += ["--token-file", token_file()]
        super().__init__("hub", *options)
        self.tls = tls
        wait_for(lambda: self.event("hub listens") or self.process.poll() is not None, "the hub to listen")
        listens = self.event("hub listens")
        assert listens, self.stderr()
        self.in_port, self.out_port = listens["in_port"], listens["out_port"]

    def events(self):
        for line in self.stderr().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                pass

    def event(self, name):
        return next((event for event in self.events() if event.get("event") == name), None)

    def uri(self, port):
        return f"{'wss' if self.tls else 'ws'}://localhost:{port}"

    def connect(self, port, token=None, **options):
        """A connection of Python's websockets."""
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return websockets.connect(self.uri(port), ssl=self.tls.for_client() if self.tls else None, extra_headers=headers,
                                  open_timeout=DEADLINE, **options)


def dumpling(number, chef="TestChef", kitchen="test_kitchen", driver="packet", payload=None):
    return json.dumps({"metadata": {"chef": chef, "kitchen": kitchen, "creation_time": 1515990765.925951 + number,
                                    "driver": driver}, "payload": {"number": number} if payload is None else payload})


KITCHEN_HELLO = json.dumps({"kitchen_name": "test_kitchen", "interface": "all", "filter": "tcp or udp or arp",
                            "chefs": ["netdumplings.dumplingchefs.DNSLookupChef"], "poke_interval": 5.0})


async def receive(connection):
    return await asyncio.wait_for(connection.recv(), DEADLINE)


async def receive_dumplings(connection, count):
    """The next so many whose chef is not the hub's own."""
    found = []
    while len(found) < count:
        message = await receive(connection)
        if json.loads(message)["metadata"]["chef"] != "SystemStatusChef":
            found.append(message)
    return found


async def until_known(hub, connection, key, count):
    """Waits for a status that says so: what was said to the hub has reached it."""
    while True:
        message = json.loads(await receive(connection))
        if message["metadata"]["chef"] == "SystemStatusChef" and message["payload"][key] >= count:
            return message["payload"]


def run_named(tests):
    """Runs the tests that the command line names, of a module's globals."""
    for name in sys.argv[1:]:
        result = tests[name]()
        if asyncio.iscoroutine(result):
            asyncio.run(result)
        print(f"{name}: passed")
