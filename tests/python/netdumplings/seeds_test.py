"""The chefs that netdumplings' guide prints, letter for letter, in a kitchen in Python.

They are read where they are: in SHARED/seeds/code, with SHARED=../shared. Skips where that is not.
"""
import pathlib
import sys
import tempfile
import unittest
import warnings

from kitchen_test import Recorder
from netdumplings import DumplingChef, DumplingKitchen

ROOT = pathlib.Path(__file__).resolve().parents[3]
CODE = ROOT.parent / "shared/seeds/code"
if not CODE.is_dir():
    print(f"SKIPPED: needs {CODE}")
    sys.exit(77)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's own
    from scapy.all import DNS, DNSQR, IP, TCP, UDP, Ether, wrpcap


class Seeds(unittest.TestCase):
    def setUp(self):
        file = tempfile.NamedTemporaryFile(suffix=".pcap")
        self.addCleanup(file.close)
        wrpcap(file.name, [Ether() / IP() / UDP(dport=53) / DNS(rd=1, qd=DNSQR(qname="myspace.com")), Ether() / IP() / TCP()])
        self.kitchen = DumplingKitchen(Recorder(), interface=file.name, sniffer_filter="tcp or udp or arp")

    def test_lookups(self):
        path = str(CODE / "my_chefs.py")
        self.assertEqual(DumplingKitchen.get_chefs_in_modules([path])[path],
                         {"import_error": False, "chef_classes": ["DNSLookupChef"], "is_py_file": True})
        scope = {}
        exec(compile((CODE / "my_chefs.py").read_text(), path, "exec"), scope)
        scope["DNSLookupChef"](kitchen=self.kitchen)
        self.kitchen.run()
        lookups = self.kitchen.dumpling_queue.of("DNSLookupChef")
        self.assertEqual([one["lookup"]["hostname"] for one in lookups], ["myspace.com."])
        self.assertEqual(self.kitchen.failure_count, 0)

    def test_state(self):
        scope = {"DumplingChef": DumplingChef}  # which the guide's text has imported before
        exec(compile((CODE / "state_chef.py").read_text(), "state_chef.py", "exec"), scope)
        chef = scope["StateExampleChef"](kitchen=self.kitchen)
        self.kitchen.run()
        self.assertEqual(len(chef.my_state), 2)
        self.assertEqual(self.kitchen.dumpling_queue.texts, [])


if __name__ == "__main__":
    unittest.main()
