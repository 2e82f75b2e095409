"""PacketCountChef beside scapy itself: the same layers, as often, on packets of every kind that it names.

Usage: scapy_oracle.py      (the program is $SPIDERLING; exit status 77: scapy is not there)
"""
import collections
import io
import logging
import sys

from kitchen import Kitchen, skip, trace_of

logging.getLogger("scapy").setLevel(logging.CRITICAL)
try:
    from scapy.utils import PcapReader
    import scapy.all  # noqa: F401  knows the layers
except ImportError:
    skip("needs python3-scapy")

TRACES = {
    "ethernet": """
let C = 10.0.0.1:40000
let S = 10.0.0.2:80
+0.1 C > S tcp S mss=1460
+0.1 C > S tcp A len=100 pad=4
+0.1 C > S tcp A pad=6
+0.1 10.0.0.1:5353 > 224.0.0.251:5353 udp dns=query:a.local
+0.1 10.0.0.2:53 > 10.0.0.1:4000 udp dns=response:a.example
+0.1 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:foo.example vlan=10,20
+0.1 10.0.0.1:4000 > 10.0.0.2:53 tcp A dns=query:foo.example
+0.1 10.0.0.1:123 > 10.0.0.2:123 udp len=48
+0.1 10.0.0.1:68 > 10.0.0.2:67 udp len=300
+0.1 10.0.0.1:4000 > 10.0.0.2:5355 udp dns=query:foo
+0.1 10.0.0.1:4000 > 10.0.0.2:4001 udp len=20 udplen=12
+0.1 10.0.0.1 > 10.0.0.2 icmp 8/0 len=20
+0.1 10.0.0.1 > 10.0.0.2 icmp 3/1 { C > S tcp S }
+0.1 10.0.0.1 > 10.0.0.2 icmp 3/3 { 10.0.0.1:1 > 10.0.0.2:2 udp len=50 }
+0.1 10.0.0.1 > 10.0.0.2 icmp 11/0 { 10.0.0.1:1 > 10.0.0.2:2 udp len=50 } quoted=28
+0.1 C > S udp len=3000 split=1480
+0.1 [2001:db8::1]:1 > [2001:db8::2]:2 udp len=10 ext=hop,route,dest
+0.1 [2001:db8::1]:1 > [2001:db8::2]:2 udp len=3000 split=1480
+0.1 2001:db8::1 > 2001:db8::2 icmp 128/0 len=8
+0.1 2001:db8::1 > 2001:db8::2 icmp 135/0 len=24
+0.1 2001:db8::1 > 2001:db8::2 icmp 135/0 hex=20010db80000000000000000000000020101001122334455
+0.1 2001:db8::1 > 2001:db8::2 icmp 134/0 hex=00000000000000000101001122334455050100000000050003044040000000000000000000000000000000000000000000000000
+0.1 2001:db8::1 > 2001:db8::2 icmp 1/0 { [2001:db8::1]:1 > [2001:db8::2]:2 tcp S }
+0.1 C > S ip proto=99 len=20
+0.1 C > S sctp len=4
+0.1 frame hex=ffffffffffff00112233445508060001080006040001001122334455c0000201000000000000c0000202000000000000000000000000000000000000
+0.1 frame hex=ffffffffffff0011223344550806000108000604
+0.1 frame hex=ffffffffffff00112233445588cc0102
""",
    "cooked": "link sll\n0 10.0.0.1:1 > 10.0.0.2:2 tcp S\n0 [2001:db8::1]:1 > [2001:db8::2]:2 udp len=3\n",
    "raw": "link raw\n0 10.0.0.1:1 > 10.0.0.2:2 tcp S\n0 [2001:db8::1]:1 > [2001:db8::2]:2 udp len=3\n",
}
OLD_NAMES = {"NTPHeader": "NTP"}


def scapy_counts(capture):
    counts = collections.Counter()
    with PcapReader(io.BytesIO(capture)) as reader:
        for packet in reader:
            counts[packet.name] += 1
            while packet.payload:
                packet = packet.payload
                counts[OLD_NAMES.get(packet.name, packet.name)] += 1
    return counts


def our_counts(capture):
    with Kitchen("-f", "", "-c", "PacketCountChef", "-p", "1e8", "--output", "-", trace=capture) as kitchen:
        status, _ = kitchen.finish()
        assert status == 0, kitchen.stderr()
        return kitchen.dumplings()[-1]["payload"]["packet_counts"]


def main():
    wrong = 0
    for name, text in TRACES.items():
        capture = trace_of(text)
        theirs, ours = scapy_counts(capture), our_counts(capture)
        for layer in sorted(theirs.keys() | ours.keys()):
            if theirs.get(layer, 0) != ours.get(layer, 0):
                print(f"{name}: {layer}: scapy {theirs.get(layer, 0)}, PacketCountChef {ours.get(layer, 0)}")
                wrong += 1
        print(f"{name}: {sum(ours.values())} layers compared")
    return 1 if wrong else 0


sys.exit(main())
