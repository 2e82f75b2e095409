"""How a kitchen's dumplings come to a hub: ours, one that dies, one that means it ill."""
import contextlib
import json
import pathlib
import socket
import sys
import threading
import time
import unittest
from unittest import mock

from hostile_hub import DEADLINE, HostileHub, close_frame, frame
from netdumplings import DumplingChef, DumplingKitchen, dumplingkitchen
from netdumplings._delivery import HubDelivery
from netdumplings.dumplingchefs import DNSLookupChef, PacketCountChef

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "hub"))
from hub_process import Hub, wait_for

try:
    import websockets  # noqa: F401
except ImportError:
    print("SKIPPED: needs python3-websockets")
    sys.exit(77)

EXAMPLE = str(pathlib.Path(__file__).resolve().parents[3] / "examples/first.pcap")
HELLO = {"kitchen_name": "k", "interface": "all", "filter": "", "chefs": [], "poke_interval": 5}


def dumpling(number, size=0):
    return json.dumps({"metadata": {"chef": "C", "kitchen": "k", "creation_time": 1.5, "driver": "packet"},
                       "payload": [number, "x" * size]})


class Delivers(unittest.TestCase):
    def delivery(self, address, **options):
        delivery = HubDelivery(address, HELLO, name="k", **options)
        delivery.start()
        self.addCleanup(delivery.finish, 0)
        return delivery

    def assert_all_counted(self, delivery):
        self.assertEqual(delivery.put_count, delivery.delivered + delivery.dropped + delivery.refused + delivery.waiting())

    def test_to_our_hub_in_order(self):
        with Hub() as hub:
            eater = hub.eater()
            delivery = self.delivery(f"localhost:{hub.in_port}")
            for number in range(5000):
                self.assertTrue(delivery.put(dumpling(number)))
            delivery.finish(DEADLINE)
            self.assertEqual([json.loads(eater.receive_dumpling())["payload"][0] for _ in range(5000)], list(range(5000)))
            self.assertEqual((delivery.delivered, delivery.waiting(), delivery.dropped), (5000, 0, 0))
            eater.close()

    def test_a_kitchen_from_a_trace(self):
        with Hub() as hub:
            eater = hub.eater()
            kitchen = DumplingKitchen(name="pythons", interface=EXAMPLE, hub=f"localhost:{hub.in_port}")
            PacketCountChef(kitchen)
            kitchen.run()
            found = json.loads(eater.receive_dumpling())
            self.assertEqual((found["metadata"]["kitchen"], found["metadata"]["chef"]), ("pythons", "PacketCountChef"))
            self.assertEqual((kitchen.delivery.delivered, kitchen.delivery.waiting()), (2, 0))
            eater.close()

    def test_ctrl_c_again_while_the_rest_is_delivered(self):
        class Delivery(HubDelivery):
            def finish(self, seconds):
                if seconds > 0:
                    raise KeyboardInterrupt
                super().finish(seconds)

        kitchen = DumplingKitchen(name="k", interface=EXAMPLE, hub="localhost:1")
        PacketCountChef(kitchen)
        with mock.patch.object(dumplingkitchen, "HubDelivery", Delivery), self.assertLogs("netdumplings", "INFO") as logs:
            kitchen.run()
        self.assertIn("0 delivered, 0 dropped, 0 refused, 2 undelivered", logs.output[-1])

    def test_the_hub_knows_how_chefs_do(self):
        class Fails(DumplingChef):
            def packet_handler(self, packet):
                raise KeyError

        class Source:
            live = True

            def feed(self, handler, stopped):
                for _ in range(7):
                    handler("a packet")
                stopped.wait(DEADLINE)

            def lost(self):
                return 0

            def close(self):
                pass

        with Hub() as hub, mock.patch.object(dumplingkitchen, "_STATUS_EVERY", 0.05), \
                mock.patch("netdumplings._packets.open_source", lambda *_: Source()), self.assertLogs("netdumplings", "ERROR"):
            kitchen = DumplingKitchen(name="k", chef_poke_interval=None, hub=f"localhost:{hub.in_port}")
            for chef in (Fails, Fails, DNSLookupChef):
                chef(kitchen)
            thread = threading.Thread(target=kitchen.run)
            thread.start()
            wait_for(lambda: hub.metric("chef_failures_total", prefix="spiderling_", kitchen="k", chef="Fails") == 7, "the first")
            self.assertEqual(hub.metric("chef_failures_total", prefix="spiderling_", chef="Fails 2"), 7)
            self.assertEqual(hub.metric("chef_calls_total", prefix="spiderling_", chef="Fails"), 7)
            kitchen.stop()
            thread.join(DEADLINE)

    def test_a_hub_that_comes_late_and_dies(self):
        with Hub() as first:
            port, out_port = first.in_port, first.out_port
        delivery = self.delivery(f"localhost:{port}")
        delivery.put(dumpling(0))
        with Hub(in_port=port, out_port=out_port) as hub:
            wait_for(lambda: delivery.delivered == 1, "the first to be delivered")
            hub.kill()
        for number in range(1, 100):
            delivery.put(dumpling(number))
        with Hub(in_port=port, out_port=out_port) as hub:
            wait_for(lambda: delivery.delivered == 100, "the others to be delivered")
            self.assertGreaterEqual(hub.status()["total_dumplings_in"], 99)
        self.assert_all_counted(delivery)

    def test_what_was_on_its_way_is_sent_again(self):
        got = []

        def behave(guest):
            guest.upgrade()
            guest.hello()
            if not got:  # the first connection: reads two, confirms nothing, and is gone
                got.extend(guest.message(answer_pings=False) for _ in range(2))
                return
            while (text := guest.message()) is not None:
                got.append(text)

        with HostileHub(behave) as hub:
            delivery = self.delivery(hub.address)
            for number in range(10):
                delivery.put(dumpling(number))
            wait_for(lambda: delivery.delivered == 10, "all to be delivered")
            self.assertEqual({json.loads(text)["payload"][0] for text in got}, set(range(10)))
            self.assertGreaterEqual(delivery.sent_again, 2)
            self.assert_all_counted(delivery)

    def test_a_hub_that_takes_nothing_is_asked_less_and_less(self):
        guests = []

        def behave(guest):
            guest.upgrade()
            guest.hello()
            guests.append(guest)
            if len(guests) == 6:
                guest.message()  # and it has the ping behind it answered, when it waits for the next
                with contextlib.suppress(EOFError, OSError):
                    guest.message()
                    return
            guest.send(close_frame(1008, "the hello is not JSON"))
            guest.until_closed()

        waits = []
        enough = threading.Event()

        async def pause(_, tries):
            waits.append(tries)
            if len(waits) == 8:
                enough.set()

        with HostileHub(behave) as hub, mock.patch.object(HubDelivery, "_pause", pause), self.assertLogs("netdumplings", "WARNING"):
            delivery = self.delivery(hub.address)
            delivery.put(dumpling(0))
            wait_for(lambda: len(guests) >= 6 and delivery.delivered == 1, "the sixth connection")
            guests[5].socket.shutdown(socket.SHUT_RDWR)
            self.assertTrue(enough.wait(DEADLINE))
        self.assertEqual(waits[:8], [1, 2, 3, 4, 5, 0, 1, 2])

    def test_a_full_queue(self):
        with self.assertLogs("netdumplings", "WARNING") as logs:
            delivery = self.delivery("localhost:1", max_dumplings=10)
            taken = [delivery.put(dumpling(number)) for number in range(15)]
            self.assertEqual(taken, [True] * 10 + [False] * 5)
            self.assertEqual((delivery.dropped, delivery.waiting()), (5, 10))
            delivery = self.delivery("localhost:1", max_bytes=1000)
            self.assertFalse(delivery.put(dumpling(0, size=1000)))
            self.assertTrue(delivery.put(dumpling(0)))
        self.assertEqual(sum("queue to the hub is full" in line for line in logs.output), 2)
        self.assert_all_counted(delivery)

    def test_what_was_delivered_leaves_its_room(self):
        with Hub() as hub:
            delivery = self.delivery(f"localhost:{hub.in_port}", max_bytes=3000)
            for number in range(10):
                self.assertTrue(delivery.put(dumpling(number, size=2000)))
                wait_for(lambda number=number: delivery.delivered == number + 1, "it to be delivered")

    def test_waits_for_room_where_it_may(self):
        delivery = self.delivery("localhost:1", max_dumplings=1)
        delivery.put(dumpling(0))
        asked = []
        self.assertFalse(delivery.put(dumpling(1), wait_while=lambda: asked.append(1) or len(asked) < 3))
        self.assertEqual((len(asked), delivery.dropped), (3, 1))

    def test_a_dumpling_that_the_hub_refuses(self):
        with Hub("--max-message", "2000") as hub, self.assertLogs("netdumplings", "WARNING"):
            delivery = self.delivery(f"localhost:{hub.in_port}")
            for number in range(20):
                delivery.put(dumpling(number, size=5000 if number == 7 else 0))
            wait_for(lambda: delivery.waiting() == 0, "all to be delivered or refused")
            self.assertEqual((delivery.delivered, delivery.refused), (19, 1))
            self.assert_all_counted(delivery)

    def test_a_hub_that_never_answers(self):
        def behave(guest):
            guest.upgrade()
            guest.hello()
            while guest.message(answer_pings=False) is not None:
                pass

        with HostileHub(behave) as hub:
            delivery = self.delivery(hub.address)
            delivery.put(dumpling(0))
            delivery.finish(0.2)
            self.assertEqual((delivery.delivered, delivery.waiting()), (0, 1))

    def test_a_hub_that_reads_nothing(self):
        end = threading.Event()
        with HostileHub(lambda guest: (guest.upgrade(), guest.hello(), end.wait(DEADLINE))) as hub:
            delivery = self.delivery(hub.address)
            for number in range(100):
                delivery.put(dumpling(number, size=200_000))
            began = time.monotonic()
            delivery.finish(0.2)
            self.assertLess(time.monotonic() - began, DEADLINE)
            self.assertEqual(delivery.delivered, 0)
            end.set()

    def test_a_hub_that_talks(self):
        got = []

        def behave(guest):
            guest.upgrade()
            guest.hello()
            guest.send(frame(b"\x00garbage", 2) * 1000 + frame("x" * 100_000) * 20)
            got.append(guest.message())
            guest.until_closed()

        with HostileHub(behave) as hub:
            delivery = self.delivery(hub.address)
            delivery.put(dumpling(0))
            wait_for(lambda: delivery.delivered == 1, "the delivery")
            self.assertEqual(got, [dumpling(0)])

    def test_a_hub_that_closes_at_once(self):
        connections = []

        def behave(guest):
            connections.append(time.monotonic())
            guest.upgrade()
            guest.send(close_frame(1008, "no"))

        with HostileHub(behave) as hub, self.assertLogs("netdumplings", "WARNING"):
            delivery = self.delivery(hub.address)
            delivery.put(dumpling(0))
            wait_for(lambda: len(connections) >= 3, "three tries")
            self.assertEqual((delivery.delivered, delivery.waiting()), (0, 1))
        self.assertGreater(connections[2] - connections[0], 0.2)  # it does not storm

    def test_puts_from_many_threads(self):
        with Hub() as hub:
            delivery = self.delivery(f"localhost:{hub.in_port}")
            threads = [threading.Thread(target=lambda: [delivery.put(dumpling(n)) for n in range(500)]) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            delivery.finish(DEADLINE)
            self.assertEqual((delivery.delivered, delivery.put_count), (4000, 4000))
            self.assertEqual(hub.status()["total_dumplings_in"], 4000)


if __name__ == "__main__":
    unittest.main()
