"""DumplingKitchen: who gets what, that failures stay where they are, traces, and live packets in a namespace of its own."""
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
from unittest import mock

from netdumplings import DumplingChef, DumplingDriver, DumplingKitchen, NetDumplingsError, _packets
from netdumplings._station import Station
from netdumplings.dumplingchefs import DNSLookupChef, PacketCountChef

EXAMPLE = str(pathlib.Path(__file__).resolve().parents[3] / "examples/first.pcap")
DEADLINE = 60

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scapy's own
        from scapy.all import IP, TCP, UDP, Ether, PcapWriter
except ImportError:
    print("SKIPPED: needs python3-scapy")
    sys.exit(77)


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE} s in vain for {what}"
        time.sleep(0.005)


class Recorder:
    """A queue that keeps what is put."""

    def __init__(self):
        self.texts = []

    def put(self, text):
        self.texts.append(text)

    def of(self, chef):
        found = [json.loads(text) for text in list(self.texts)]
        return [one["payload"] for one in found if one["metadata"]["chef"] == chef]


class Echo(DumplingChef):
    def packet_handler(self, packet):
        return packet

    def interval_handler(self, interval=None):
        return {"interval": interval}


class Fails(DumplingChef):
    def packet_handler(self, packet):
        raise KeyError("no luck")

    def interval_handler(self, interval=None):
        sys.exit("no interval")


class SaysBytes(DumplingChef):
    def packet_handler(self, packet):
        return {"name": b"bytes"}


class Constructed(unittest.TestCase):
    def test_defaults(self):
        kitchen = DumplingKitchen(dumpling_queue=None)
        self.assertEqual((kitchen.name, kitchen.interface, kitchen.filter, kitchen.chef_poke_interval),
                         ("default", "all", "tcp", 5))

    def test_repr(self):
        class Queue:
            def __repr__(self):
                return "Queue()"

        self.assertEqual(repr(DumplingKitchen(Queue(), "k", "lo", "udp", 1.5)),
                         "DumplingKitchen(dumpling_queue=Queue(), name='k', interface='lo', sniffer_filter='udp', "
                         "chef_poke_interval=1.5)")
        kitchen = DumplingKitchen(Queue())
        self.assertEqual(repr(DumplingChef(kitchen)), f"DumplingChef(kitchen={kitchen!r})")

    def test_a_path_is_an_interface(self):
        kitchen = DumplingKitchen(Recorder(), interface=pathlib.Path(EXAMPLE))
        self.assertEqual(json.loads(json.dumps(kitchen._hello()))["interface"], EXAMPLE)
        kitchen.run()
        self.assertGreater(kitchen.packet_count, 0)

    def test_hello(self):
        kitchen = DumplingKitchen(name="k", interface="lo", sniffer_filter=None, chef_poke_interval=2)
        Echo(kitchen)
        DNSLookupChef(kitchen)
        self.assertEqual(kitchen._hello(), {
            "kitchen_name": "k", "interface": "lo", "filter": "", "poke_interval": 2,
            "chefs": [f"{Echo.__module__}.Echo", "netdumplings.dumplingchefs.DNSLookupChef"]})


class Serves(unittest.TestCase):
    def setUp(self):
        self.queue = Recorder()
        self.kitchen = DumplingKitchen(self.queue, name="k")

    def test_every_chef_gets_every_packet(self):
        first, second = Echo(self.kitchen), Echo(kitchen=self.kitchen)
        self.kitchen._process_packet("a packet")
        self.kitchen._process_packet(None)  # no dumpling of it
        self.kitchen._poke_chefs()
        self.assertEqual(self.queue.of("Echo"), ["a packet"] * 2 + [{"interval": 5}] * 2)
        metadata = json.loads(self.queue.texts[0])["metadata"]
        self.assertEqual((metadata["kitchen"], metadata["driver"]), ("k", "packet"))
        self.assertEqual((first.dumplings_sent_count, second.dumplings_sent_count), (2, 2))

    def test_failures_harm_no_other(self):
        for kind in (Fails, SaysBytes, Echo):
            kind(self.kitchen)
        with self.assertLogs("netdumplings", "ERROR") as logs:
            for _ in range(100):
                self.kitchen._process_packet("p")
            self.kitchen._poke_chefs()
        self.assertEqual(self.queue.of("Echo"), ["p"] * 100 + [{"interval": 5}])
        self.assertEqual(self.kitchen.failure_count, 201)
        messages = [record.getMessage() for record in logs.records]
        self.assertEqual(len(messages), 3)  # each once
        self.assertIn("Error invoking packet handler for chef Fails: 'no luck'", messages[0])
        self.assertIn("Payload of packet handler for chef SaysBytes", messages[1])
        self.assertIn("Error invoking interval handler for chef Fails: no interval", messages[2])

    def test_ctrl_c_in_a_handler_ends_the_kitchen(self):
        class Interrupted(DumplingChef):
            def packet_handler(self, packet):
                raise KeyboardInterrupt

        Interrupted(self.kitchen)
        with self.assertRaises(KeyboardInterrupt):
            self.kitchen._process_packet("p")


class FakeSource:
    """Packets from a test, as if they were live."""

    live = True

    def __init__(self, packets=()):
        self.waiting = queue.Queue()
        for packet in packets:
            self.waiting.put(packet)
        self.closed = False

    def feed(self, handler, stopped):
        while not stopped.is_set():
            try:
                packet = self.waiting.get(timeout=0.01)
            except queue.Empty:
                continue
            handler(packet)

    def lost(self):
        return 3

    def close(self):
        self.closed = True


class RunsLive(unittest.TestCase):
    def run_kitchen(self, kitchen, source):
        """Until the caller stops it."""
        before = _packets.open_source
        _packets.open_source = lambda interface, packet_filter: source
        self.addCleanup(setattr, _packets, "open_source", before)
        thread = threading.Thread(target=kitchen.run)
        thread.start()
        self.addCleanup(thread.join, DEADLINE)
        self.addCleanup(kitchen.stop)
        return thread

    def test_pokes_without_packets(self):
        kitchen = DumplingKitchen(Recorder(), chef_poke_interval=0.02)
        Echo(kitchen)
        source = FakeSource()
        thread = self.run_kitchen(kitchen, source)
        wait_for(lambda: len(kitchen.dumpling_queue.texts) >= 5, "five pokes")
        with self.assertLogs("netdumplings", "INFO") as logs:
            kitchen.stop()
            thread.join(DEADLINE)
        self.assertTrue(source.closed)
        self.assertIn("3 packets lost in capture", logs.output[-1])

    def test_stopped_while_it_starts(self):
        kitchen = DumplingKitchen(Recorder())
        with mock.patch.object(_packets, "open_source", lambda *_: kitchen.stop() or FakeSource()):
            thread = threading.Thread(target=kitchen.run, daemon=True)
            thread.start()
            thread.join(DEADLINE)
        self.assertFalse(thread.is_alive())

    def test_the_first_poke_is_at_the_start(self):
        kitchen = DumplingKitchen(Recorder(), chef_poke_interval=3600)
        Echo(kitchen)
        self.run_kitchen(kitchen, FakeSource())
        wait_for(lambda: kitchen.dumpling_queue.texts, "the first poke")

    def test_no_pokes(self):
        kitchen = DumplingKitchen(Recorder(), chef_poke_interval=None)
        Echo(kitchen)
        self.run_kitchen(kitchen, FakeSource(["a", "b"]))
        wait_for(lambda: len(kitchen.dumpling_queue.texts) == 2, "both packets")
        self.assertEqual(kitchen.dumpling_queue.of("Echo"), ["a", "b"])

    def test_never_two_handlers_of_one_chef(self):
        class Careful(DumplingChef):
            inside = 0
            together = 0
            calls = {"packet": 0, "interval": 0}

            def enter(self, kind):
                Careful.inside += 1
                Careful.together = max(Careful.together, Careful.inside)
                time.sleep(0.0005)
                self.calls[kind] += 1
                Careful.inside -= 1

            def packet_handler(self, packet):
                self.enter("packet")

            def interval_handler(self, interval=None):
                self.enter("interval")

        kitchen = DumplingKitchen(Recorder(), chef_poke_interval=0.001)
        Careful(kitchen)
        self.run_kitchen(kitchen, FakeSource(range(300)))
        wait_for(lambda: Careful.calls["packet"] == 300 and Careful.calls["interval"] > 20, "packets and pokes")
        self.assertEqual(Careful.together, 1)

    def test_a_handler_that_does_not_end(self):
        release = threading.Event()
        self.addCleanup(release.set)

        class Stuck(DumplingChef):
            def packet_handler(self, packet):
                release.wait(DEADLINE)

        kitchen = DumplingKitchen(Recorder(), name="k", chef_poke_interval=0.02)
        Stuck(kitchen)
        Echo(kitchen)
        with self.assertLogs("netdumplings", "WARNING") as logs:
            self.run_kitchen(kitchen, FakeSource(["a"]))
            wait_for(lambda: logs.output, "its name in the log")
            before = len(kitchen.dumpling_queue.of("Echo"))
            wait_for(lambda: len(kitchen.dumpling_queue.of("Echo")) > before + 3, "pokes of the other chef")
        self.assertIn("k: The packet handler of chef Stuck has been running for more than 1 s", logs.records[0].getMessage())
        self.assertEqual(len(logs.records), 1)
        release.set()
        wait_for(lambda: kitchen.skipped_pokes > 0, "its late pokes to be counted")

    def test_a_slow_handler_is_named_once(self):
        station = Station(DNSLookupChef())
        self.assertIsNone(station.slow(0))
        for _ in range(2):
            station.begin(DumplingDriver.packet)
            self.assertEqual([station.slow(3600), station.slow(0), station.slow(0)], [None, DumplingDriver.packet, None])
            station.end()
        self.assertEqual(station.meters[DumplingDriver.packet].figures()["blocked"], 2)

    def test_ctrl_c(self):
        code = ("import sys; sys.path.insert(0, %r)\n"
                "from kitchen_test import *\nfrom netdumplings import _packets\n"
                "_packets.open_source = lambda *_: FakeSource()\n"
                "k = DumplingKitchen(Recorder(), chef_poke_interval=None); Echo(k)\n"
                "threading.Timer(0.2, lambda: os.kill(os.getpid(), 2)).start()\nk.run(); print('after')" % os.path.dirname(__file__))
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=DEADLINE,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "after\n"), done.stderr)


class ReadsTraces(unittest.TestCase):
    def test_by_what(self):
        expected = os.environ.get("KITCHEN_SOURCE")  # each is tested, where it is said which it shall be
        source = _packets.open_source(EXAMPLE, None)
        source.close()
        self.assertIn(expected, (None, "native" if type(source) is _packets._Native else "scapy"))

    def trace(self, *packets):
        """(seconds, packet) each."""
        file = tempfile.NamedTemporaryFile(suffix=".pcap")
        self.addCleanup(file.close)
        with PcapWriter(file.name, linktype=1) as writer:
            for at, packet in packets:
                packet.time = at
                writer.write(packet)
        return file.name

    def cook(self, trace, *chefs, **options):
        kitchen = DumplingKitchen(Recorder(), interface=trace, **options)
        for chef in chefs:
            chef(kitchen)
        kitchen.run()
        return kitchen

    def test_filter_and_counts(self):
        kitchen = self.cook(EXAMPLE, PacketCountChef, sniffer_filter="src port 80")
        self.assertEqual(kitchen.packet_count, 4)
        kitchen = self.cook(EXAMPLE, PacketCountChef, sniffer_filter="")
        self.assertEqual(kitchen.dumpling_queue.of("PacketCountChef")[-1]["packet_counts"]["Ethernet"], kitchen.packet_count)

    def test_the_packets_time_passes(self):
        class Times(DumplingChef):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.seen = 0

            def packet_handler(self, packet):
                self.seen += 1

            def interval_handler(self, interval=None):
                return self.seen

        syn = Ether() / IP() / TCP()
        trace = self.trace(*((1600000000 + at, syn.copy()) for at in (0, 1, 4.9, 5.1, 9, 31, 32)))
        kitchen = self.cook(trace, Times)
        self.assertEqual(kitchen.dumpling_queue.of("Times"), [0, 3, 5, 7])

    def test_wrong_traces(self):
        for data in (b"", b"garbage" * 10, b"\xd4\xc3\xb2\xa1"):
            with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
                file.write(data)
                file.flush()
                with self.assertRaisesRegex(NetDumplingsError, file.name):
                    self.cook(file.name, Echo)
        trace = self.trace((1, Ether() / IP() / UDP()))
        with self.assertRaisesRegex(NetDumplingsError, "filter 'no filter'"):
            self.cook(trace, Echo, sniffer_filter="no filter")

    def test_a_cut_trace(self):
        whole = pathlib.Path(self.trace(*((n, Ether() / IP() / TCP()) for n in range(10)))).read_bytes()
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(whole[:-20])
            file.flush()
            kitchen = self.cook(file.name, PacketCountChef)
        self.assertIn(kitchen.packet_count, (9, 10))


class FindsChefs(unittest.TestCase):
    def test_modules(self):
        found = DumplingKitchen.get_chefs_in_modules(["netdumplings.dumplingchefs", "no.such.module"])
        self.assertEqual(found["netdumplings.dumplingchefs"], {
            "import_error": False, "chef_classes": ["ARPChef", "DNSLookupChef", "PacketCountChef"], "is_py_file": False})
        self.assertEqual(found["no.such.module"], {"import_error": "No module named 'no'", "chef_classes": [], "is_py_file": False})

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            def file(name, text):
                path = os.path.join(folder, name)
                pathlib.Path(path).write_text(text, encoding="utf-8")
                return path

            good = file("good.py", "import netdumplings\nclass B(netdumplings.DumplingChef): pass\nclass A(B): pass\nclass C: pass")
            wrong = {file("syntax.py", "class"): "invalid syntax", file("no_import.py", "import nowhere"): "nowhere",
                     file("raises.py", "raise RuntimeError('oh')"): "oh", file("ends.py", "import sys; sys.exit(3)"): "3",
                     file("words.txt", "words"): "does not appear to be an importable Python file",
                     file("zero.py", "a\0b"): "null bytes"}
            found = DumplingKitchen.get_chefs_in_modules([good, *wrong])
            self.assertEqual(found[good], {"import_error": False, "chef_classes": ["A", "B"], "is_py_file": True})
            for path, why in wrong.items():
                self.assertIn(why, found[path]["import_error"])

    def test_a_file_that_asks_for_its_module(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "mine.py")
            file.write_text("from __future__ import annotations\nimport dataclasses, netdumplings\n@dataclasses.dataclass\n"
                            "class Seen:\n    count: int = 0\nclass A(netdumplings.DumplingChef): pass\n", encoding="utf-8")
            before = dict(sys.modules)
            found = DumplingKitchen.get_chefs_in_modules([str(file)])
            self.assertEqual(found[str(file)], {"import_error": False, "chef_classes": ["A"], "is_py_file": True})
            self.assertNotIn("chefs", set(sys.modules) - set(before))


LIVE = """
import logging, sys, threading
sys.path.insert(0, %r)
from kitchen_test import *
import socket
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
kitchen = DumplingKitchen(Recorder(), interface=sys.argv[1], sniffer_filter="udp port 4242", chef_poke_interval=0.1)
PacketCountChef(kitchen)
def talk():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while kitchen.packet_count < 4:
            sender.sendto(b"x", ("127.0.0.1", 4242))
            sender.sendto(b"x", ("127.0.0.1", 4243))
            time.sleep(0.01)
    wait_for(lambda: kitchen.dumpling_queue.of("PacketCountChef")[-1]["packet_counts"].get("UDP", 0) >= 4, "a poke with them")
    kitchen.stop()
thread = threading.Thread(target=talk)
thread.start()
kitchen.run()
thread.join()
print("captured", set(kitchen.dumpling_queue.of("PacketCountChef")[-1]["packet_counts"]) >= {"Ethernet", "IP", "UDP"})
"""


class Captures(unittest.TestCase):
    def live(self, interface):
        unshare = ["unshare", "--net"]
        if os.geteuid() != 0 or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("needs root, and namespaces")
        done = subprocess.run([*unshare, sys.executable, "-c", LIVE % os.path.dirname(__file__), interface], capture_output=True,
                              text=True, timeout=DEADLINE, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_an_interface(self):
        status, output, problems = self.live("lo")
        self.assertEqual((status, output), (0, "captured True\n"), problems)

    def test_all_interfaces(self):
        status, output, problems = self.live("all")
        self.assertEqual((status, output), (0, "captured True\n"), problems)

    def test_wrong_intervals(self):
        for interval in (0, -1, float("nan"), float("inf"), 1e12):
            with self.assertRaisesRegex(NetDumplingsError, "chef_poke_interval"):
                DumplingKitchen(Recorder(), interface=EXAMPLE, chef_poke_interval=interval).run()

    def test_no_such_interface(self):
        with self.assertRaisesRegex(NetDumplingsError, "nowhere0|needs root"):
            DumplingKitchen(Recorder(), interface="nowhere0").run()


if __name__ == "__main__":
    unittest.main()
