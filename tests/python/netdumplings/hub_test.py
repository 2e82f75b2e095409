"""DumplingHub: the hub as a program that Python starts, and our kitchens and eaters with it."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from netdumplings import DumplingEater, DumplingHub, DumplingKitchen, NetDumplingsError
from netdumplings.dumplingchefs import PacketCountChef

PROGRAM = os.environ["SPIDERLING"]
EXAMPLE = str(pathlib.Path(__file__).resolve().parents[3] / "examples/first.pcap")
DEADLINE = 60


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE} s in vain for {what}"
        time.sleep(0.01)


def is_running(process):
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Running:
    """with Running(DumplingHub(...)) as hub: it listens"""

    def __init__(self, hub):
        self.hub = hub
        self.problem = None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.hub.run()
        except NetDumplingsError as problem:
            self.problem = problem

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.hub.listening.is_set() or not self.thread.is_alive(), "the hub to listen")
        assert self.problem is None, self.problem
        return self.hub

    def __exit__(self, *_):
        self.hub.stop()
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()


class Hub(unittest.TestCase):
    def test_construction(self):
        self.assertEqual(repr(DumplingHub()),
                         "DumplingHub(address='localhost', in_port=11347, out_port=11348, status_freq=5)")
        hub = DumplingHub(address="test_host", in_port=1234, out_port=5678, status_freq=10, program="x", options=["--insecure"])
        self.assertEqual((hub.address, hub.in_port, hub.out_port, hub.status_freq), ("test_host", 1234, 5678, 10))
        self.assertEqual(repr(hub), "DumplingHub(address='test_host', in_port=1234, out_port=5678, status_freq=10)")

    def test_kitchen_to_eater(self):
        eaten = []

        async def on_connect(hub_uri, websocket):
            connected.set()

        async def on_dumpling(dumpling):
            eaten.append(dumpling)

        connected = threading.Event()
        with self.assertLogs("netdumplings.dumplinghub", "INFO") as logs, Running(DumplingHub(in_port=0, out_port=0)) as hub:
            eater = DumplingEater("e", f"localhost:{hub.out_port}", chef_filter=["PacketCountChef"], on_connect=on_connect,
                                  on_dumpling=on_dumpling)
            thread = threading.Thread(target=eater.run, args=(2,))
            thread.start()
            self.assertTrue(connected.wait(DEADLINE))
            wait_for(lambda: any("eater connected" in line for line in logs.output), "the hub to know the eater")
            kitchen = DumplingKitchen(name="k", interface=EXAMPLE, hub=f"localhost:{hub.in_port}")
            PacketCountChef(kitchen=kitchen)
            kitchen.run()
            thread.join(DEADLINE)
        self.assertEqual([one.kitchen for one in eaten], ["k", "k"])
        self.assertEqual(eaten[1].payload["packet_counts"]["TCP"], 12)
        self.assertTrue(any("hub stops" in line for line in logs.output))

    def test_native_kitchen_to_eater(self):
        eaten = []
        connected = threading.Event()

        async def on_connect(hub_uri, websocket):
            connected.set()

        async def on_dumpling(dumpling):
            eaten.append((dumpling.chef_name, dumpling.kitchen, dumpling.driver.name))

        with self.assertLogs("netdumplings.dumplinghub", "INFO") as logs, Running(DumplingHub(in_port=0, out_port=0)) as hub:
            eater = DumplingEater("e", f"localhost:{hub.out_port}", on_connect=on_connect, on_dumpling=on_dumpling,
                                  chef_filter=["PacketCountChef"])
            thread = threading.Thread(target=eater.run, args=(1,))
            thread.start()
            wait_for(lambda: any("eater connected" in line for line in logs.output), "the hub to know the eater")
            subprocess.run([PROGRAM, "sniff", "-i", EXAMPLE, "-h", f"localhost:{hub.in_port}"], check=True, capture_output=True,
                           timeout=DEADLINE)
            thread.join(DEADLINE)
        self.assertEqual(eaten, [("PacketCountChef", "default_kitchen", "interval")])

    def test_a_second_run(self):
        hub = DumplingHub(in_port=0, out_port=0)
        for _ in range(2):
            with Running(hub):
                pass

    def test_stopped_while_it_starts(self):
        class Impatient(DumplingHub):
            def _start(self):
                started = super()._start()
                self.stop()
                return started

        hub = Impatient(in_port=0, out_port=0)
        thread = threading.Thread(target=hub.run, daemon=True)
        thread.start()
        thread.join(DEADLINE)
        alive = thread.is_alive()
        hub.stop()
        self.assertFalse(alive)

    def test_port_in_use(self):
        with Running(DumplingHub(in_port=0, out_port=0)) as hub:
            second = DumplingHub(in_port=hub.in_port, out_port=0)
            with self.assertRaisesRegex(NetDumplingsError, "Cannot instantiate dumpling hub: .*in use"), self.assertLogs():
                second.run()

    def test_open_to_others_must_be_meant(self):
        with self.assertRaisesRegex(NetDumplingsError, "--insecure"), self.assertLogs():
            DumplingHub(address="0.0.0.0", in_port=0, out_port=0).run()
        with Running(DumplingHub(address="0.0.0.0", in_port=0, out_port=0, options=["--insecure"])):
            pass

    def test_which_program(self):
        with self.assertRaisesRegex(NetDumplingsError, "/no/such/nd-hub is no program"):
            DumplingHub(program="/no/such/nd-hub").run()
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "nd-hub")
            os.symlink(PROGRAM, link)
            with Running(DumplingHub(in_port=0, out_port=0, program=link)):
                pass
            before = dict(os.environ)
            try:
                del os.environ["SPIDERLING"]
                os.environ["PATH"] = folder
                with Running(DumplingHub(in_port=0, out_port=0)):
                    pass
                os.environ["PATH"] = "/nowhere"
                with self.assertRaisesRegex(NetDumplingsError, "no program nd-hub on PATH"):
                    DumplingHub().run()
            finally:
                os.environ.update(before)

    CHILD = ("import threading, json\nfrom netdumplings import DumplingHub\nhub = DumplingHub(in_port=0, out_port=0)\n"
             "threading.Thread(target=lambda: hub.listening.wait() and print(hub._process.pid, flush=True), daemon=True).start()\n"
             "hub.run()\nprint('after')")

    def ended_by(self, number):
        with subprocess.Popen([sys.executable, "-W", "error", "-c", self.CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            hub = int(process.stdout.readline())
            process.send_signal(number)
            output, problems = process.communicate(timeout=DEADLINE)
        wait_for(lambda: not is_running(hub), "the hub to end with its parent")
        return process.returncode, output, problems

    def test_interrupted(self):
        self.assertEqual(self.ended_by(signal.SIGINT)[:2], (0, "after\n"))

    def test_terminated_and_killed(self):
        self.assertEqual(self.ended_by(signal.SIGTERM)[0], -signal.SIGTERM)
        self.assertEqual(self.ended_by(signal.SIGKILL)[0], -signal.SIGKILL)

    def test_hub_is_killed(self):
        running = Running(DumplingHub(in_port=0, out_port=0))
        with running as hub:
            os.kill(hub._process.pid, signal.SIGKILL)
            running.thread.join(DEADLINE)
        self.assertIn("exit status -9", str(running.problem))


if __name__ == "__main__":
    unittest.main()
