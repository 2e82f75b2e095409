"""DumplingEater: both styles, how it ends, and hubs that mean it ill."""
import asyncio
import json
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from hostile_hub import BINARY, CLOSE, DEADLINE, PING, HostileHub, close_frame, frame
from netdumplings import DumplingDriver, DumplingEater

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "hub"))
from hub_process import Hub, wait_for

try:
    import websockets
except ImportError:
    print("SKIPPED: needs python3-websockets")
    sys.exit(77)


def dumpling(number, chef="Chef", kitchen="k"):
    return json.dumps({"metadata": {"chef": chef, "kitchen": kitchen, "creation_time": 1.5, "driver": "packet"},
                       "payload": {"number": number}})


class Notes(DumplingEater):
    """An eater as the original's users write it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.connected = []
        self.eaten = []
        self.lost = []

    async def on_connect(self, hub_uri, websocket):
        self.connected.append(hub_uri)

    async def on_dumpling(self, dumpling):
        self.eaten.append(dumpling)

    async def on_connection_lost(self, e):
        self.lost.append(e)

    def numbers(self):
        return [dumpling.payload["number"] for dumpling in self.eaten]


def sends(*frames, then=lambda guest: guest.until_closed()):
    """A hub that says this to everyone after the hello."""
    def behave(guest):
        guest.upgrade()
        assert "eater_name" in guest.hello()
        for each in frames:
            guest.send(each)
        then(guest)
    return behave


class Constructed(unittest.TestCase):
    def test_defaults(self):
        eater = DumplingEater()
        self.assertEqual((eater.name, eater.hub, eater.hub_ws, eater.chef_filter),
                         ("nameless_eater", "localhost:11348", "ws://localhost:11348", None))
        self.assertEqual(DumplingEater(hub="wss://h:1").hub_ws, "wss://h:1")

    def test_handlers_given(self):
        async def handler(*_):
            pass

        eater = DumplingEater(name="e", hub="there:1234", chef_filter=["One"], on_connect=handler, on_dumpling=handler,
                              on_connection_lost=handler)
        self.assertEqual((eater.on_connect, eater.on_dumpling, eater.on_connection_lost), (handler,) * 3)
        self.assertEqual(repr(eater), "DumplingEater(name='e', hub='there:1234', chef_filter=['One'], on_connect=<callable: handler>,"
                                      " on_dumpling=<callable: handler>, on_connection_lost=<callable: handler>)")
        self.assertIn("on_dumpling=<callable: on_dumpling>", repr(Notes()))

    def test_handlers_unless_given(self):
        async def all_three(eater):
            await eater.on_connect("ws://h", None)
            await eater.on_dumpling(None)
            await eater.on_connection_lost(None)

        with self.assertLogs("netdumplings.dumplingeater.e", "WARNING") as logs:
            asyncio.run(all_three(DumplingEater(name="e")))
        self.assertEqual([record.getMessage() for record in logs.records],
                         ["e: No on_connect handler specified; ignoring connection.",
                          "e: No on_dumpling handler specified; ignoring dumpling.",
                          "e: No on_connection_lost handler specified; ignoring connection loss."])

    def test_handler_that_cannot_be_called(self):
        with self.assertLogs("netdumplings", "ERROR"):
            self.assertIsNone(DumplingEater(on_dumpling="string").run())


class WithOurHub(unittest.TestCase):
    def test_both_styles(self):
        with Hub() as hub:
            seen = []

            async def on_connect(hub_uri, websocket):
                seen.append(hub_uri)

            async def on_dumpling(dumpling):
                seen.append(dumpling.payload["number"])

            derived = Notes("derived", f"localhost:{hub.out_port}", chef_filter=["Wanted"])
            given = DumplingEater("given", f"localhost:{hub.out_port}", on_connect=on_connect, on_dumpling=on_dumpling,
                                  chef_filter=("Wanted",))
            threads = [threading.Thread(target=eater.run, args=(2,)) for eater in (derived, given)]
            for thread in threads:
                thread.start()
            wait_for(lambda: hub.status()["dumpling_eater_count"] == 2, "both eaters")
            names = {eater["info_from_eater"]["eater_name"] for eater in hub.status()["dumpling_eaters"]}
            self.assertEqual(names, {"derived", "given"})
            kitchen = hub.kitchen()
            for number in range(3):
                kitchen.send(dumpling(number, chef="Other"))
                kitchen.send(dumpling(number, chef="Wanted"))
            for thread in threads:
                thread.join(DEADLINE)
                self.assertFalse(thread.is_alive())
            self.assertEqual(derived.numbers(), [0, 1])
            self.assertEqual(derived.connected, [f"ws://localhost:{hub.out_port}"])
            self.assertEqual(seen, [f"ws://localhost:{hub.out_port}", 0, 1])
            first = derived.eaten[0]
            self.assertEqual((first.chef_name, first.kitchen, first.driver, first.creation_time),
                             ("Wanted", "k", DumplingDriver.packet, 1.5))
            self.assertEqual(derived.lost, [])
            kitchen.close()
            left = "eater left (4102 dumpling eater is full)"
            wait_for(lambda: len(hub.events(left)) == 2, "the hub's log of both")

    def test_status_dumplings(self):
        with Hub("--status-freq", "0.05") as hub:
            eater = Notes(hub=f"localhost:{hub.out_port}")
            eater.run(dumpling_count=3)
            self.assertEqual({one.chef_name for one in eater.eaten}, {"SystemStatusChef"})
            self.assertEqual({one.kitchen for one in eater.eaten}, {None})
            eater.run(dumpling_count=1)  # again: the original could not
            self.assertEqual(len(eater.eaten), 4)

    def test_hub_ends(self):
        with Hub() as hub:
            eater = Notes(hub=f"localhost:{hub.out_port}")
            thread = threading.Thread(target=eater.run)
            thread.start()
            wait_for(lambda: eater.connected, "the connection")
            hub.end()
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive())
            self.assertEqual(len(eater.lost), 1)
            self.assertIsInstance(eater.lost[0], websockets.exceptions.ConnectionClosed)

    def test_no_hub(self):
        with self.assertLogs("netdumplings", "WARNING") as logs:
            Notes("e", "localhost:1").run()
        self.assertIn("e: There was a problem with the dumpling hub connection. Is nd-hub available?", logs.records[0].getMessage())
        for hub in ("localhost:no", "localhost:99999999", "", "no such host.invalid:1", "[::1:1"):
            with self.assertLogs("netdumplings", "WARNING"):
                Notes("e", hub).run()

    def test_token(self):
        with Hub("--token-file", self.token_file("secret.of-this~test")) as hub:
            eater = Notes(hub=f"localhost:{hub.out_port}")
            with self.assertLogs("netdumplings", "WARNING") as logs:
                eater.run()
            self.assertIn("401", logs.output[-1])
            eater.token = "secret.of-this~test"
            eater.run(0)
            self.assertEqual(len(eater.connected), 1)
            eater.token = None
            os.environ["SPIDERLING_TOKEN_FILE"] = self.token_file("secret.of-this~test")
            try:
                eater.run(0)
            finally:
                del os.environ["SPIDERLING_TOKEN_FILE"]
            self.assertEqual(len(eater.connected), 2)

    def token_file(self, token):
        import tempfile
        file = tempfile.NamedTemporaryFile("w", suffix=".token")
        self.addCleanup(file.close)
        file.write(token + "\n")
        file.flush()
        return file.name


PROGRAM = """
import asyncio, sys
from netdumplings import DumplingEater
class Eater(DumplingEater):
    async def on_connect(self, hub_uri, websocket):
        asyncio.ensure_future(asyncio.sleep(3600))
        print("connected", flush=True)
    async def on_dumpling(self, dumpling):
        pass
    async def on_connection_lost(self, e):
        print("lost", flush=True)
Eater("signalled", sys.argv[1]).run()
print("after", flush=True)
"""


class Watches(unittest.TestCase):
    def test_whether_the_hubs_machine_is_there(self):
        class Looks(Notes):
            async def on_connect(self, hub_uri, websocket):
                its_socket = websocket.transport.get_extra_info("socket")
                self.connected.append(its_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

        with HostileHub(sends()) as hub:
            eater = Looks("e", hub.address)
            eater.run(0)
        self.assertEqual(eater.connected, [40_000])


class SaysHello(unittest.TestCase):
    def hello(self, **options):
        hellos = []
        with HostileHub(lambda guest: (guest.upgrade(), hellos.append(guest.hello()), guest.until_closed())) as hub:
            Notes("e", hub.address, **options).run(0)
        return hellos

    def test_as_the_original(self):
        self.assertEqual(self.hello(), [{"eater_name": "e"}])

    def test_with_what_it_wants(self):
        for chefs in (["A", "B"], ("A", "B"), {"A": 1, "B": 2}):
            self.assertEqual(self.hello(chef_filter=chefs), [{"eater_name": "e", "chefs": ["A", "B"]}])
        self.assertEqual(self.hello(chef_filter=[]), [{"eater_name": "e", "chefs": []}])

    def test_with_what_no_hub_can_choose_by(self):
        class Any:
            def __contains__(self, name):
                return True

        for chefs in ("OneChefOrAnother", Any(), [f"Chef{number}" for number in range(300)], ["x" * 9000]):
            self.assertEqual(self.hello(chef_filter=chefs), [{"eater_name": "e"}])

    def test_chooses_by_itself_then(self):
        with Hub() as hub:
            seen = {}
            for chefs in ("OneWanted", [f"Chef{number}" for number in range(5000)] + ["Wanted"]):
                eater = Notes("e", f"localhost:{hub.out_port}", chef_filter=chefs)
                seen[eater] = threading.Thread(target=eater.run, args=(1,))
                seen[eater].start()
            wait_for(lambda: hub.status()["dumpling_eater_count"] == 2, "both eaters")
            kitchen = hub.kitchen()
            for number, chef in enumerate(("Other", "Wanted")):
                kitchen.send(dumpling(number, chef=chef))
            for eater, thread in seen.items():
                thread.join(DEADLINE)
                self.assertEqual(eater.numbers(), [1])
            kitchen.close()


class Ends(unittest.TestCase):
    def signalled(self, number):
        codes = []
        with HostileHub(sends(then=lambda guest: codes.append(guest.until_closed()))) as hub:
            with subprocess.Popen([sys.executable, "-W", "error", "-c", PROGRAM, hub.address], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as process:
                self.assertEqual(process.stdout.readline(), "connected\n")
                process.send_signal(number)
                output, problems = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, output), (0, "after\n"), problems)
            wait_for(lambda: codes, "the close frame")
        self.assertEqual(codes, [(4101, "connection cancelled")])
        self.assertNotIn("Traceback", problems)

    def test_terminated(self):
        self.signalled(signal.SIGTERM)

    def test_interrupted(self):
        self.signalled(signal.SIGINT)

    def test_signals_are_given_back(self):
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        with HostileHub(sends(frame(dumpling(1)))) as hub:
            Notes(hub=hub.address).run(1)
        self.assertEqual((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)), before)

    def test_a_handler_raises(self):
        class Mine(Exception):
            pass

        async def fails(dumpling):
            raise Mine("no luck")

        async def no_such_file(dumpling):
            open("/no/such/file", encoding="ascii")

        with HostileHub(sends(frame(dumpling(1)))) as hub:
            with self.assertRaisesRegex(Mine, "no luck"):
                DumplingEater(hub=hub.address, on_connect=self.nothing, on_dumpling=fails).run()
            with self.assertRaises(FileNotFoundError):  # of the original's this looked like a missing hub
                DumplingEater(hub=hub.address, on_connect=self.nothing, on_dumpling=no_such_file).run()

    async def nothing(self, *_):
        pass

    def test_a_loop_of_the_callers(self):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        ticks = []

        async def tick():
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0)

        loop.create_task(tick())
        with HostileHub(sends(frame(dumpling(1)))) as hub:
            Notes(hub=hub.address).run(1)
        self.assertTrue(ticks)
        self.assertTrue(loop.is_closed())

    def test_within_a_running_loop(self):
        async def main():
            with self.assertRaisesRegex(RuntimeError, "run_in_executor"):
                Notes().run()
            with HostileHub(sends(frame(dumpling(1)))) as hub:
                eater = Notes(hub=hub.address)
                await asyncio.get_running_loop().run_in_executor(None, eater.run, 1)
                self.assertEqual(eater.numbers(), [1])

        asyncio.run(main())

    def test_count_is_reached_while_the_hub_floods(self):
        def flood(guest):
            guest.socket.settimeout(0.001)
            data = frame(dumpling(7)) * 1000
            while True:
                try:
                    guest.send(data)
                except TimeoutError:
                    guest.socket.settimeout(DEADLINE)
                    return

        with HostileHub(sends(then=lambda guest: (flood(guest), guest.until_closed()))) as hub:
            eater = Notes(hub=hub.address)
            began = time.monotonic()
            eater.run(5)
            self.assertEqual(len(eater.eaten), 5)
            self.assertLess(time.monotonic() - began, DEADLINE)


class HostileHubs(unittest.TestCase):
    """What such a hub sends may end the connection; never more."""

    def eat(self, *frames, **more):
        with HostileHub(sends(*frames, **more)) as hub:
            eater = Notes("e", hub.address)
            eater.run(1)
        return eater

    def test_messages_that_are_no_dumplings(self):
        no_dumplings = [b"", b"garbage", b"{", b"null", b"[]", b"{}", b'{"metadata": 1, "payload": 2}', b"[" * 50_000, b"\x00",
                        dumpling(1).replace('"packet"', '"other"').encode(), dumpling(1).replace('{"number": 1}', "NaN").encode(),
                        dumpling(1).replace('{"number": 1}', "null").encode()]
        with self.assertLogs("netdumplings", "ERROR") as logs:
            eater = self.eat(*[frame(text) for text in no_dumplings], frame(b"\xff\x00", BINARY), frame(dumpling(5)))
        self.assertEqual(eater.numbers(), [5])
        self.assertEqual(eater.invalid_dumplings, len(no_dumplings) + 1)
        self.assertEqual(len(logs.output), 2)  # the 1st and the 10th

    def test_the_log_is_not_flooded(self):
        with self.assertLogs("netdumplings", "ERROR") as logs:
            eater = self.eat(frame("x") * 20_000, frame(dumpling(1)))
        self.assertEqual(eater.invalid_dumplings, 20_000)
        self.assertEqual(len(logs.output), 5)

    def test_broken_frames(self):
        for name, data in {"reserved bits": b"\xf1\x00", "unknown opcode": b"\x83\x00", "masked": b"\x81\x81\x00\x00\x00\x00a",
                           "invalid UTF-8": frame(b"\xff\xfe"), "fragmented ping": frame(b"", PING, fin=False),
                           "close of one byte": frame(b"\x03", CLOSE), "continuation of nothing": b"\x80\x01a",
                           "length beyond 63 bits": b"\x81\x7f" + b"\xff" * 8, "HTTP": b"HTTP/1.1 200 OK\r\n\r\n" * 10}.items():
            with self.subTest(name), self.assertLogs("netdumplings", "WARNING"):
                eater = self.eat(data, frame(dumpling(1)))
                self.assertEqual((eater.numbers(), len(eater.lost)), ([], 1))

    def test_long_messages(self):
        long = json.loads(dumpling(1))
        long["payload"] = "x" * (8 << 20)  # the original's eaters ended at 1 MiB
        eater = self.eat(frame(json.dumps(long)))
        self.assertEqual(len(eater.eaten[0].payload), 8 << 20)
        with self.assertLogs("netdumplings", "WARNING"):
            eater = self.eat(b"\x81\x7f" + (17 << 20).to_bytes(8, "big"), frame(dumpling(1)))
        self.assertEqual((eater.eaten, len(eater.lost)), ([], 1))
        fragment = frame(b"x" * (1 << 20), 0, fin=False)
        with self.assertLogs("netdumplings", "WARNING"):
            eater = self.eat(frame("x", fin=False), *[fragment] * 17)
        self.assertEqual((eater.eaten, len(eater.lost)), ([], 1))

    def test_early_ends(self):
        with self.assertLogs("netdumplings", "WARNING"):
            self.assertEqual(len(self.eat(close_frame(1001, "bye")).lost), 1)
            self.assertEqual(len(self.eat(then=lambda guest: None).lost), 1)
            self.assertEqual(len(self.eat(frame(dumpling(1))[:20], then=lambda guest: None).lost), 1)

    def test_what_is_no_hub(self):
        for name, behave in {
                "closes at once": lambda guest: None,
                "garbage": lambda guest: guest.send(b"\x00\xff" * 1000),
                "refuses": lambda guest: guest.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
                "headers without end": lambda guest: [guest.send(b"HTTP/1.1 101 x\r\n"), *[guest.send(b"a: b\r\n" * 100) for _ in range(100)]],
                "a line without end": lambda guest: guest.send(b"x" * 1_000_000)}.items():
            with self.subTest(name), HostileHub(behave) as hub, self.assertLogs("netdumplings", "WARNING") as logs:
                eater = Notes("e", hub.address)
                eater.run()
                self.assertEqual((eater.connected, eater.lost), ([], []))
                self.assertIn("Is nd-hub available?", logs.output[0])

    def test_closes_while_a_handler_works(self):
        class Slow(Notes):
            async def on_dumpling(self, dumpling):
                await super().on_dumpling(dumpling)
                await asyncio.sleep(0.05)

        with HostileHub(sends(*[frame(dumpling(n)) for n in range(5)], close_frame(1000))) as hub, \
                self.assertLogs("netdumplings", "WARNING"):
            eater = Slow(hub=hub.address)
            eater.run()
        self.assertEqual((eater.numbers(), len(eater.lost)), ([0, 1, 2, 3, 4], 1))


if __name__ == "__main__":
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    unittest.main()
