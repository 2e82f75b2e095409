"""_spiderling.PacketSource: packets of the engine for a Python program's own handlers."""
import os
import pathlib
import tempfile
import threading
import time
import unittest

from _spiderling import PacketSource

EXAMPLE = str(pathlib.Path(__file__).resolve().parents[3] / "examples/first.pcap")
DEADLINE = 60
PACKETS = 16


class Source(unittest.TestCase):
    def test_gives_all_and_ends(self):
        source = PacketSource(EXAMPLE)
        self.assertFalse(source.live)
        seen = []
        while source.feed(lambda packet: seen.append((packet.name, float(packet.time))), 0.1):
            pass
        self.assertEqual(len(seen), PACKETS)
        self.assertEqual(seen, sorted(seen, key=lambda one: one[1]))
        self.assertFalse(source.feed(seen.append, 0.1))
        self.assertEqual((len(seen), source.dropped), (PACKETS, 0))

    def test_filter(self):
        seen = []
        PacketSource(EXAMPLE, filter="udp").feed(lambda packet: seen.append(packet.haslayer("UDP")), 1)
        self.assertTrue(seen and all(seen))

    def test_a_packet_that_is_kept_stays(self):
        kept, said = [], []
        source = PacketSource(EXAMPLE)
        source.feed(lambda packet: (kept.append(packet), said.append((bytes(packet), packet.summary()))), 1)
        del source
        self.assertEqual([(bytes(packet), packet.summary()) for packet in kept], said)
        self.assertGreater(len(set(said)), PACKETS / 2)  # it is not one packet again and again

    def test_what_a_handler_raises_comes_out_and_no_packet_is_lost(self):
        source = PacketSource(EXAMPLE)
        seen = []

        def handler(packet):
            seen.append(packet)
            raise KeyError(len(seen))

        for number in range(1, PACKETS + 1):
            with self.assertRaises(KeyError) as raised:
                source.feed(handler, 1)
            self.assertEqual(raised.exception.args, (number,))
        self.assertFalse(source.feed(handler, 1))

    def test_wrong_use(self):
        for arguments, problem in (((), TypeError), ((5,), TypeError), (("/no/such/trace",), OSError), ((EXAMPLE, "no filter"), OSError),
                                   ((EXAMPLE, b"udp"), TypeError), (("a\0b",), ValueError)):
            with self.assertRaises(problem):
                PacketSource(*arguments)
        source = PacketSource(EXAMPLE)
        for arguments in ((), (print,), (print, "soon")):
            with self.assertRaises(TypeError):
                source.feed(*arguments)
        with self.assertRaises(TypeError):
            source.feed("no function", 1)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"garbage" * 10)
            file.flush()
            with self.assertRaises(OSError):
                PacketSource(file.name)

    def test_one_at_a_time(self):
        source = PacketSource(EXAMPLE)

        def handler(packet):
            with self.assertRaisesRegex(RuntimeError, "feeding another handler"):
                source.feed(print, 0)

        self.assertFalse(source.feed(handler, 1))

    def test_stop(self):
        stopped = threading.Event()

        def write(pipe):
            with open(pipe, "wb") as file:
                file.write(pathlib.Path(EXAMPLE).read_bytes())
                file.flush()
                stopped.wait(DEADLINE)

        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            writer = threading.Thread(target=write, args=(pipe,))
            writer.start()
            source = PacketSource(pipe)
            seen = []
            end = time.monotonic() + DEADLINE
            while len(seen) < PACKETS and time.monotonic() < end:
                self.assertTrue(source.feed(seen.append, 0.05))  # the pipe is open: more may come
            self.assertEqual(len(seen), PACKETS)
            threading.Timer(0.1, source.stop).start()
            while source.feed(seen.append, 1):
                self.assertLess(time.monotonic(), end)
            stopped.set()
            writer.join(DEADLINE)


if __name__ == "__main__":
    unittest.main()
