"""A hub that writes each message down before it does anything else, so that what it had is known even after kill -9.

Only the server's side of RFC 6455 that a kitchen needs: no fragments, no extensions. What it read before a ping is in
the file before the pong goes out.

    recording_hub.py PORT FILE [never-read] [token=TOKEN]     prints "listening" when it does
"""
import base64
import hashlib
import os
import socket
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Connection:
    def __init__(self, peer, record, token):
        self.peer, self.record, self.token, self.buffer = peer, record, token, b""

    def serve(self):
        try:
            if self.upgrade():
                while self.frame():
                    pass
        except (ConnectionError, EOFError):
            pass
        finally:
            self.peer.close()

    def more(self):
        data = self.peer.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def upgrade(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, value in fields.items()}
        if self.token and fields.get(b"authorization") != b"Bearer " + self.token.encode():
            self.peer.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + GUID).digest())
        self.peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        return True

    def frame(self):
        first, second = self.take(2)
        length = second & 0x7F
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        assert first & 0x80 and second & 0x80, "a kitchen's frames are whole and masked"
        key = self.take(4)
        masked = self.take(length)
        mask = (key * (length // 4 + 1))[:length]
        payload = (int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
        opcode = first & 0x0F
        if opcode == 1:
            os.write(self.record, payload + b"\n")
        elif opcode == 9:
            self.send(10, payload)
        elif opcode == 8:
            self.send(8, payload)
            return False
        return True

    def send(self, opcode, payload):
        self.peer.sendall(bytes([0x80 | opcode, len(payload)]) + payload)


def main():
    port, path, *flags = sys.argv[1:]
    record = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    token = next((flag[6:] for flag in flags if flag.startswith("token=")), "")
    with socket.create_server(("127.0.0.1", int(port))) as server:
        print("listening", flush=True)
        held = []
        while True:
            peer, _ = server.accept()
            connection = Connection(peer, record, token)
            if "never-read" in flags:
                connection.upgrade()
                held.append(connection)
                continue
            threading.Thread(target=connection.serve, daemon=True).start()


main()
