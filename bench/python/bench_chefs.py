"""The chefs in Python that chefs_bench.py runs."""
import time

import netdumplings


class Lookups(netdumplings.DumplingChef):
    """What the chef of netdumplings' guide does: asks every packet, and answers for those with DNS."""

    def packet_handler(self, packet):
        if not packet.haslayer("DNS"):
            return None
        hostname = packet.getlayer("DNS").fields["qd"].qname.decode("utf-8")
        return {"lookup": {"hostname": hostname, "when": time.time()}}


class FilteredLookups(Lookups):
    """The same, and it says what it wants"""

    wants = "DNS"


class Ports(netdumplings.DumplingChef):
    """Reads fields of two layers of every packet"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.pairs = set()

    def packet_handler(self, packet):
        if packet.haslayer("TCP"):
            self.pairs.add((packet["IP"].src, packet["TCP"].dport))
            if len(self.pairs) > 10000:
                self.pairs.clear()
