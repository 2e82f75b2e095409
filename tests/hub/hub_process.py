"""A hub of the program under test, and clients that need no library: what they send is under the test's control."""
import base64
import contextlib
import json
import os
import queue
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

PROGRAM = os.environ["SPIDERLING"]
DEADLINE = 60  # for what must happen; a slow machine or a sanitizer is no failure

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def wait_for(condition, what):
    """Until condition() is true; its value."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"after {DEADLINE} s still not: {what}")


class Hub:
    """with Hub("--slow-eater", "drop") as hub: hub.in_port, hub.out_port, hub.metric(...), hub.log"""

    def __init__(self, *options, in_port=0, out_port=0, prefix=()):
        command = [*prefix, PROGRAM, "hub", "--in-port", str(in_port), "--out-port", str(out_port), "--log-format", "json"]
        self.process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
        self.log = []
        self.stderr = []
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.in_port = self.out_port = None
        wait_for(lambda: self.events("hub listens") or self.process.poll() is not None, "the hub listens")
        listening = self.events("hub listens")
        if not listening:
            raise AssertionError(f"the hub ended: {self.stderr}")
        self.in_port, self.out_port = listening[0]["in_port"], listening[0]["out_port"]

    def _read(self):
        with self.process.stderr as lines:
            for line in lines:
                self.stderr.append(line)
                with contextlib.suppress(json.JSONDecodeError):
                    self.log.append(json.loads(line))

    def events(self, event):
        return [line for line in list(self.log) if line["event"] == event]

    def event(self, event):
        """The first of that name; the log is read by a thread, so it may take a moment."""
        return wait_for(lambda: self.events(event), f"the event '{event}'")[0]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status = self.end()
        if kind is not None:
            print("the hub's log:", *self.stderr[-50:], sep="\n  ")
        elif status not in (0, -9):
            print("the hub's log:", *self.stderr[-50:], sep="\n  ")
            raise AssertionError(f"the hub's exit status is {status}")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE)

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)

    def memory(self):
        """Bytes in memory."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def http(self, path, port=None, headers=None, method="GET", scheme="http", context=None):
        """(status, body) of a plain HTTP request."""
        url = f"{scheme}://localhost:{port or self.out_port}{path}"
        request = urllib.request.Request(url, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE, context=context) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read().decode()

    def status(self, **more):
        return json.loads(self.http("/status", **more)[1])

    def metric(self, name, prefix="spiderling_hub_", **labels):
        """The value of a metric; of several, their sum."""
        total = 0.0
        for line in self.http("/metrics")[1].splitlines():
            if line.startswith("#"):
                continue
            head, value = line.rsplit(" ", 1)
            if head.split("{")[0] == prefix + name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total += float(value)
        return total

    def kitchen(self, hello=None, **more):
        client = Client(self.in_port, **more)
        client.send_json(hello or {"kitchen_name": "k", "interface": "lo", "filter": "", "chefs": [], "poke_interval": 5.0})
        return client

    def eater(self, name="e", **hello):
        client = Client(self.out_port)
        before = self.status()["dumpling_eater_count"]
        client.send_json({"eater_name": name, **hello})
        wait_for(lambda: self.status()["dumpling_eater_count"] > before, "the eater is known")
        return client


class Refused(Exception):
    """No upgrade: the first line of the response, and its status."""

    def __init__(self, response):
        super().__init__(response.split("\r\n")[0])
        self.response = response
        self.status = int(response.split()[1])


def frame(payload, opcode=TEXT, fin=True, mask=b"\x12\x34\x56\x78", rsv=0):
    """A client's frame; mask=None: without, as a client may not."""
    if isinstance(payload, str):
        payload = payload.encode()
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask is not None else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if mask is None:
        return head + payload
    whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return head + mask + whole.to_bytes(len(payload), "big")


class Client:
    """A WebSocket client; whatever a test wants to send goes out through send_raw()."""

    def __init__(self, port, path="/", headers=None, tls=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": f"localhost:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **(headers or {})}
        request = f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None) + "\r\n"
        self.send_raw(request.encode())
        while b"\r\n\r\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                break
            self.buffer += got
        response, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in response:
            while got := self.socket.recv(65536):
                self.buffer += got
            raise Refused((response + b"\r\n\r\n" + self.buffer).decode())

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, payload, opcode=TEXT, **more):
        self.send_raw(frame(payload, opcode, **more))

    def send_json(self, value):
        self.send(json.dumps(value))

    def _take(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 20)
            if not got:
                raise EOFError("the hub closed the connection without a close frame")
            self.buffer += got
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive(self):
        """(opcode, payload) of the next frame: the hub does not fragment."""
        first, length = self._take(2)
        assert first & 0x80 and not first & 0x70, "a fragment, or reserved bits"
        assert not length & 0x80, "a server must not mask"
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        return first & 0x0f, self._take(length)

    def receive_dumpling(self, status=False):
        """The text of the next dumpling; the hub's own are left out unless asked for."""
        while True:
            opcode, payload = self.receive()
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == TEXT and (status or b'"SystemStatusChef"' not in payload[:80]):
                return payload.decode()
            elif opcode == CLOSE:
                raise AssertionError(f"closed: {payload}")

    def receive_close(self):
        """(code, reason) of the close frame, whatever comes before it; it is answered, and the hub must hang up."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                break
        with contextlib.suppress(OSError):
            self.send(payload, CLOSE)
        end = time.monotonic() + DEADLINE
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while self.socket.recv(65536):
                assert time.monotonic() < end
        self.socket.close()
        return (struct.unpack(">H", payload[:2])[0] if payload else None), payload[2:].decode()

    def close(self):
        self.socket.close()


def dumpling(payload, chef="C", kitchen="k", driver="packet"):
    return json.dumps({"metadata": {"chef": chef, "kitchen": kitchen, "creation_time": 1.5, "driver": driver},
                       "payload": payload})


def run_case(cases, name):
    """Runs the function of a test program that is named on its command line."""
    found = {case.__name__: case for case in cases}
    found[name]()
    print(f"{name}: passed")
