"""A hub that does what a test tells it to: a WebSocket server whose every byte is the test's."""
import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading

DEADLINE = 60
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload, opcode=TEXT, fin=True):
    """A server's frame, which is not masked."""
    if isinstance(payload, str):
        payload = payload.encode()
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + bytes([126]) + struct.pack(">H", len(payload)) + payload
    return head + bytes([127]) + struct.pack(">Q", len(payload)) + payload


def close_frame(code, reason=""):
    return frame(struct.pack(">H", code) + reason.encode(), CLOSE)


class Guest:
    """One connection, as the server has it."""

    def __init__(self, connection):
        self.socket = connection
        self.buffer = b""
        self.closed_with = None  # (code, reason) of the close frame that came

    def send(self, data):
        self.socket.sendall(data)

    def upgrade(self):
        """The request's text; answers that it is welcome."""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._receive()
        request, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:])
        key = {name.lower(): value for name, value in headers.items()}["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.send(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        return request.decode()

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        return data

    def _take(self, number):
        while len(self.buffer) < number:
            self.buffer += self._receive()
        taken, self.buffer = self.buffer[:number], self.buffer[number:]
        return taken

    def frame(self):
        """(opcode, payload) of the next frame."""
        first, second = self._take(2)
        length = second & 0x7f
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        mask = self._take(4)
        payload = self._take(length)
        key = (mask * (length // 4 + 1))[:length]
        return first & 15, (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")

    def message(self, answer_pings=True):
        """The next text message; None: a close frame came, which is answered."""
        while True:
            opcode, payload = self.frame()
            if opcode == PING and answer_pings:
                self.send(frame(payload, PONG))
            elif opcode == CLOSE:
                self.closed_with = (struct.unpack(">H", payload[:2])[0] if payload else None, payload[2:].decode())
                with contextlib.suppress(OSError):
                    self.send(frame(payload, CLOSE))
                return None
            elif opcode == TEXT:
                return payload.decode()

    def hello(self):
        return json.loads(self.message())

    def until_closed(self):
        """Reads on until the connection ends; (code, reason) of the close frame, None if there was none."""
        with contextlib.suppress(EOFError, OSError):
            while self.message() is not None:
                pass
        return self.closed_with


class HostileHub:
    """with HostileHub(behave) as hub: ... hub.address ...   behave(guest) runs in a thread for each connection"""

    def __init__(self, behave, port=0):
        self.behave = behave
        self.problems = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.address = f"localhost:{self.port}"
        self.threads = []
        self.sockets = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.acceptor.start()
        return self

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(DEADLINE)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self.sockets.append(connection)
                self.threads.append(thread)
                thread.start()

    def _serve(self, connection):
        with connection:
            try:
                self.behave(Guest(connection))
            except (OSError, EOFError):
                pass  # the guest went
            except BaseException as problem:
                self.problems.append(problem)

    def __exit__(self, kind, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join(DEADLINE)
        for connection in self.sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(DEADLINE)
        if kind is None and self.problems:
            raise self.problems[0]
