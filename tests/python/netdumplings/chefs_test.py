"""The base class of chefs, and the three that come with the package, with packets of scapy."""
import json
import sys
import types
import unittest
import warnings

from netdumplings import DumplingChef
from netdumplings.dumplingchefs import ARPChef, DNSLookupChef, PacketCountChef

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scapy's own
        from scapy.all import ARP, DNS, DNSQR, ICMP, IP, TCP, UDP, Ether, Raw
except ImportError:
    print("SKIPPED: needs python3-scapy")
    sys.exit(77)

FIRST, SECOND = "00:00:5e:00:53:01", "00:00:5e:00:53:02"


def arrived(packet):
    """As it would come from the wire."""
    packet = type(packet)(bytes(packet))
    packet.time = 1600000000.25
    return packet


class BaseClass(unittest.TestCase):
    def test_registers_with_its_kitchen(self):
        registered = []
        kitchen = types.SimpleNamespace(register_chef=registered.append)
        chef = DumplingChef(kitchen=kitchen)
        self.assertEqual(registered, [chef])
        self.assertIs(chef.kitchen, kitchen)
        self.assertEqual(chef.name, "DumplingChef")
        self.assertEqual(chef.dumplings_sent_count, 0)
        self.assertIsNone(DumplingChef().kitchen)

    def test_the_ways_to_derive(self):
        class Plain(DumplingChef):
            pass

        class WithState(DumplingChef):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.my_state = []

        class WithKitchen(DumplingChef):
            def __init__(self, kitchen=None):
                super().__init__(kitchen)

        class Unassignable(DumplingChef):
            assignable_to_kitchen = False

        registered = []
        kitchen = types.SimpleNamespace(register_chef=registered.append)
        for kind in (Plain, WithState, WithKitchen, Unassignable):
            self.assertEqual(kind(kitchen=kitchen).name, kind.__name__)
            self.assertEqual(repr(kind()), f"{kind.__name__}(kitchen=None)")
        self.assertEqual(len(registered), 4)
        self.assertTrue(Plain.assignable_to_kitchen)
        self.assertFalse(Unassignable.assignable_to_kitchen)

    def test_handlers_unless_overridden(self):
        class Mine(DumplingChef):
            pass

        packet = types.SimpleNamespace(summary=lambda: "Ether / IP / TCP")
        with self.assertLogs("netdumplings", "DEBUG") as logs:
            self.assertEqual(Mine().packet_handler(packet), "Mine: Ether / IP / TCP")
            self.assertIsNone(Mine().interval_handler())
            self.assertIsNone(Mine().interval_handler(interval=5))
        self.assertEqual(len(logs.output), 3)


class Lookups(unittest.TestCase):
    def test_lookup(self):
        chef = DNSLookupChef()
        packet = arrived(Ether() / IP() / UDP(dport=53) / DNS(rd=1, qd=DNSQR(qname="www.example.org")))
        lookup = chef.packet_handler(packet)["lookup"]
        self.assertEqual(lookup["hostname"], "www.example.org")
        chef.packet_handler(packet)
        seen = json.loads(json.dumps(chef.interval_handler(interval=5)))["lookups_seen"]
        self.assertEqual(seen["www.example.org"]["count"], 2)
        self.assertGreaterEqual(seen["www.example.org"]["latest"], lookup["when"])

    def test_others(self):
        chef = DNSLookupChef()
        self.assertIsNone(chef.packet_handler(arrived(Ether() / IP() / TCP())))
        no_question = Raw(bytes.fromhex("000180000000000000000000"))
        packet = arrived(Ether() / IP() / UDP(sport=53, dport=4000) / no_question)
        self.assertTrue(packet.haslayer("DNS"))
        self.assertIsNone(chef.packet_handler(packet))
        self.assertEqual(chef.interval_handler(), {"lookups_seen": {}})

    def test_forms_of_questions(self):
        def dns(question):
            return types.SimpleNamespace(haslayer=lambda name: name == "DNS",
                                         getlayer=lambda name: types.SimpleNamespace(fields={"qd": question}))

        question = types.SimpleNamespace(qname=b"a.example.")
        for form in (question, [question], (question, question)):
            self.assertEqual(DNSLookupChef().packet_handler(dns(form))["lookup"]["hostname"], "a.example")
        for nothing in (None, [], types.SimpleNamespace()):
            self.assertIsNone(DNSLookupChef().packet_handler(dns(nothing)))
        odd = DNSLookupChef().packet_handler(dns(types.SimpleNamespace(qname=b"\xff\x00b.")))
        self.assertEqual(json.loads(json.dumps(odd))["lookup"]["hostname"], "\\xff\x00b")

    def test_memory_is_bounded(self):
        chef = DNSLookupChef()
        chef.max_hosts = 3
        for name in ("a", "b", "c", "a", "d"):
            chef.packet_handler(arrived(IP() / UDP(dport=53) / DNS(qd=DNSQR(qname=name))))
        self.assertEqual(list(chef.lookups_seen), ["c", "a", "d"])


class Arp(unittest.TestCase):
    def test_request(self):
        payload = ARPChef().packet_handler(arrived(Ether() / ARP(op=1, hwsrc=FIRST, psrc="192.0.2.1", pdst="192.0.2.2")))
        self.assertEqual(json.loads(json.dumps(payload)), {
            "operation": "request", "src_hw": FIRST, "src_ip": "192.0.2.1", "dst_hw": "00:00:00:00:00:00", "dst_ip": "192.0.2.2",
            "time": 1600000000.25, "notes": None})

    def test_replies(self):
        chef = ARPChef()

        def notes(hardware, address="192.0.2.1", operation=2):
            return chef.packet_handler(arrived(Ether() / ARP(op=operation, hwsrc=hardware, psrc=address)))["notes"]

        self.assertEqual(notes(FIRST), "source device is new")
        self.assertIsNone(notes(FIRST))
        self.assertEqual(notes(SECOND), "source device has new IP address")
        self.assertIsNone(notes(SECOND))
        self.assertIsNone(notes(FIRST, operation=1))
        chef.max_addresses = 1
        self.assertEqual(notes(FIRST, "192.0.2.9"), "source device is new")
        self.assertEqual(list(chef.ip_mac), ["192.0.2.9"])

    def test_others(self):
        chef = ARPChef()
        self.assertEqual(chef.packet_handler(arrived(Ether() / ARP(op=9)))["operation"], 9)
        self.assertIsNone(chef.packet_handler(arrived(Ether() / IP())))
        for lengths in ((8, 4), (6, 16), (0, 0), (255, 255)):
            malformed = bytearray(bytes(Ether() / ARP()) + bytes(40))
            malformed[18:20] = bytes(lengths)
            payload = chef.packet_handler(Ether(bytes(malformed)))
            json.dumps(payload)  # of the original's, this one ended the kitchen


class Counts(unittest.TestCase):
    def test_layers(self):
        chef = PacketCountChef()
        for packet in (Ether() / IP() / TCP() / Raw(b"x"), Ether() / IP() / IP() / ICMP(), Ether() / ARP()):
            self.assertIsNone(chef.packet_handler(arrived(packet)))
        self.assertEqual(chef.interval_handler(interval=5),
                         {"packet_counts": {"Ethernet": 3, "IP": 3, "TCP": 1, "Raw": 1, "ICMP": 1, "ARP": 1}})


if __name__ == "__main__":
    unittest.main()
