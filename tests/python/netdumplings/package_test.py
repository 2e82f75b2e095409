"""The package as a whole: what it offers, what it loads, that chefs need nothing but it."""
import inspect
import os
import subprocess
import sys
import unittest

import netdumplings


def python(code, *options):
    """What a Python without site-packages, so without any other package, says to this."""
    environment = {"PYTHONPATH": os.environ["PYTHONPATH"], "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-S", "-W", "error", *options, "-c", code], capture_output=True, text=True, timeout=60,
                          env=environment, check=False)
    return done.returncode, done.stdout + done.stderr


class Package(unittest.TestCase):
    def test_names(self):
        for name in ("Dumpling", "DumplingChef", "DumplingDriver", "DumplingEater", "DumplingHub", "DumplingKitchen",
                     "InvalidDumpling", "InvalidDumplingPayload", "NetDumplingsError"):
            with self.subTest(name):
                self.assertTrue(inspect.isclass(getattr(netdumplings, name)))
                self.assertIn(name, dir(netdumplings))
        for name in ("dumpling", "dumplingchef", "dumplingeater", "dumplinghub", "dumplingkitchen", "exceptions"):
            self.assertTrue(inspect.ismodule(getattr(netdumplings, name)), name)
        with self.assertRaises(AttributeError):
            netdumplings.DumplingCook
        self.assertEqual(python("from netdumplings import *; print(DumplingEater.__name__, DumplingHub.__name__)"),
                         (0, "DumplingEater DumplingHub\n"))

    def test_signatures_are_those_of_the_original(self):
        for function, expected in [
                (netdumplings.Dumpling, "(*, chef, driver=<DumplingDriver.packet: 1>, creation_time=None, payload)"),
                (netdumplings.DumplingChef, "(kitchen=None)"),
                (netdumplings.DumplingChef.interval_handler, "(self, interval=None)"),
                (netdumplings.DumplingEater, "(name='nameless_eater', hub='localhost:11348', *, chef_filter=None, on_connect=None, "
                                             "on_dumpling=None, on_connection_lost=None)"),
                (netdumplings.DumplingEater.run, "(self, dumpling_count=None)")]:
            self.assertEqual(str(inspect.signature(function)), expected)
        # These have what is ours behind what is the original's.
        for function, names in [
                (netdumplings.DumplingKitchen, ["dumpling_queue", "name", "interface", "sniffer_filter", "chef_poke_interval"]),
                (netdumplings.DumplingHub, ["address", "in_port", "out_port", "status_freq"])]:
            positional = [parameter.name for parameter in inspect.signature(function).parameters.values()
                          if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
            self.assertEqual(positional, names)

    def test_exceptions(self):
        for kind in (netdumplings.InvalidDumpling, netdumplings.InvalidDumplingPayload):
            self.assertTrue(issubclass(kind, netdumplings.NetDumplingsError))
        from netdumplings.exceptions import InvalidDumpling
        self.assertIs(InvalidDumpling, netdumplings.InvalidDumpling)

    def test_chefs_load_nothing_else(self):
        status, output = python("import sys, netdumplings, netdumplings.dumplingchefs\n"
                                "print(sorted({'asyncio', 'websockets', 'scapy', 'ctypes', 'ssl'} & set(sys.modules)))")
        self.assertEqual((status, output), (0, "[]\n"))

    def test_what_is_missing_is_said(self):
        status, output = python("import netdumplings; netdumplings.DumplingEater().run()")
        self.assertNotEqual(status, 0)
        self.assertIn("apt install python3-websockets", output)
        status, output = python("import netdumplings; netdumplings.DumplingKitchen(print).run()")
        self.assertNotEqual(status, 0)
        self.assertIn("apt install python3-scapy", output)

    def test_shared(self):
        from netdumplings import _shared
        self.assertEqual(_shared.ND_CLOSE_MSGS["eater_full"], (4102, "dumpling eater is full"))
        self.assertEqual(_shared.ND_CLOSE_MSGS["conn_cancelled"], (4101, "connection cancelled"))
        self.assertEqual(_shared.validate_dumpling('{"metadata": {"chef": "C"}}'), {"metadata": {"chef": "C"}})
        for text in ("", "{", "[]", "{}", '{"metadata": []}', '"x"', "[" * 100_000, None):
            with self.assertRaises(netdumplings.InvalidDumpling):
                _shared.validate_dumpling(text)
        status, output = python("import logging; from netdumplings._shared import configure_logging\n"
                                "configure_logging(); logging.getLogger('x').info('words')")
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO x: words\n$")


if __name__ == "__main__":
    unittest.main()
