"""kill -9 of the hub under load, with nd-sniff as its kitchen and an eater that comes back.

Usage: restart.py CASE      (the program is $SPIDERLING)
"""
import json
import pathlib
import socket
import sys
import threading

from hub_process import CLOSE, PING, PONG, Hub, run_case, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sniff"))
from kitchen import Kitchen, PacketPipe  # noqa: E402  of tests/sniff

DNS = ("-c", "DNSLookupChef", "-p", "1e7", "--flush", "60")


class Gate:
    """Passes a kitchen's connection on to the hub while it is open: an eater shall be back before the kitchen is."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.target = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.server.accept()
            try:
                hub = socket.create_connection(("127.0.0.1", self.target))
            except (OSError, TypeError):
                client.close()
                continue
            for source, sink in ((client, hub), (hub, client)):
                threading.Thread(target=self.pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def pass_on(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        for one in source, sink:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Collector:
    """An eater; keeps the numbers of the lookups that it gets, and what else a kitchen sends."""

    def __init__(self):
        self.numbers = []
        self.others = []

    def connect(self, hub):
        client = hub.eater("collector")
        thread = threading.Thread(target=self.run, args=(client,), daemon=True)
        thread.start()
        return thread

    def different(self):
        return len(set(self.numbers)) + len(set(self.others))

    def run(self, client):
        try:
            while True:
                opcode, payload = client.receive()
                if opcode == CLOSE:
                    return
                if opcode == PING:
                    client.send(payload, PONG)
                elif b'"lookups_seen"' in payload:
                    self.others.append(payload)
                elif b'"lookup"' in payload:
                    self.numbers.append(int(json.loads(payload)["payload"]["lookup"]["hostname"][1:8]))
        except (EOFError, OSError):
            pass


def killed_under_load():
    """Every dumpling reaches the eater, whatever the hub had when it was killed; what comes twice is counted."""
    gate, eater = Gate(), Collector()
    with Kitchen("-h", f"127.0.0.1:{gate.port}", "-i", "-", *DNS) as kitchen:
        pipe = PacketPipe(kitchen)
        for _ in range(3):
            hub = Hub()
            thread = eater.connect(hub)
            gate.target = hub.in_port
            seen = len(eater.numbers)
            pipe.send(5000)
            wait_for(lambda seen=seen: len(eater.numbers) > seen + 500, "dumplings flow")
            pipe.send(5000)
            gate.target = None
            hub.kill()
            thread.join(60)  # what the hub had written still arrives
            pipe.send(2000)
        with Hub() as hub:
            eater.connect(hub)
            gate.target = hub.in_port
            pipe.end()
            status, closing = kitchen.finish()
            wait_for(lambda: len(set(eater.numbers)) == pipe.sent or hub.process.poll() is not None, "the last ones")
        assert status == 0 and closing["dropped"] == closing["undelivered"] == 0, (status, closing)
        assert sorted(set(eater.numbers)) == list(range(pipe.sent))
        assert len(eater.numbers) - len(set(eater.numbers)) <= closing["sent_again"], closing
        first_time = list(dict.fromkeys(eater.numbers))
        assert first_time == sorted(first_time), "the order is kept"


def loss_equals_the_counter():
    """The hub is away while the kitchen's buffer runs over: what the eater misses is what the kitchen counted."""
    gate, eater = Gate(), Collector()
    with Kitchen("-h", f"127.0.0.1:{gate.port}", "-i", "-", "--pace", "original", "--buffer-dumplings", "500",
                 "--no-kitchen-status", *DNS) as kitchen:  # the eater counts lookups
        pipe = PacketPipe(kitchen)
        hub = Hub()
        thread = eater.connect(hub)
        gate.target = hub.in_port
        pipe.send(100)
        wait_for(lambda: len(eater.numbers) == 100, "the first ones")
        gate.target = None
        hub.kill()
        thread.join(60)
        pipe.send(20_000)
        wait_for(lambda: "the buffer for the hub is full" in kitchen.stderr(), "the buffer is full")
        with Hub() as again:
            eater.connect(again)
            gate.target = again.in_port
            pipe.end()
            _, closing = kitchen.finish()
            wait_for(lambda: eater.different() + closing["dropped"] >= closing["dumplings"], "the rest")
        assert closing["dropped"] > 0 and closing["dumplings"] >= pipe.sent
        assert closing["dumplings"] - eater.different() == closing["dropped"], (eater.different(), closing)


run_case([value for value in list(globals().values()) if callable(value)], sys.argv[1])
