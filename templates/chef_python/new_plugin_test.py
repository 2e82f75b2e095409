"""Packets in, payloads out: a chef is a class like others, and its handlers can be called."""
import sys
import unittest

from new_plugin import NewPlugin

try:
    from scapy.all import DNS, DNSQR, IP, UDP, Raw  # here it makes packets: apt install python3-scapy
except ImportError:
    print('SKIPPED: needs python3-scapy')
    sys.exit(77)


def arrived(packet):
    """As it would come from the wire."""
    packet = type(packet)(bytes(packet))
    packet.time = 1600000000.25
    return packet


QUESTION = arrived(IP() / UDP(dport=53) / DNS(qd=DNSQR(qname='www.example.org')))
ANSWER = arrived(IP() / UDP(sport=53, dport=4000) / DNS(qr=1, qd=DNSQR(qname='www.example.org')))
OTHER = arrived(IP() / UDP(dport=4000) / Raw(b'no DNS at all'))


class NewPluginTest(unittest.TestCase):

    def test_each_question_is_a_dumpling(self):
        chef = NewPlugin()
        self.assertEqual(chef.packet_handler(QUESTION), {'lookup': {'hostname': 'www.example.org', 'when': 1600000000.25}})
        self.assertIsNone(chef.packet_handler(ANSWER))
        self.assertIsNone(chef.packet_handler(OTHER))

    def test_counts_since_the_last_poke(self):
        chef = NewPlugin()
        for packet in (QUESTION, OTHER, QUESTION):
            chef.packet_handler(packet)
        self.assertEqual(chef.interval_handler(interval=5), {'lookups': 2, 'seconds': 5})
        self.assertEqual(chef.interval_handler(interval=5), {'lookups': 0, 'seconds': 5})


if __name__ == '__main__':
    unittest.main()
