"""How many packets had which layer, since the kitchen started."""
import collections

from netdumplings.dumplingchef import DumplingChef


class PacketCountChef(DumplingChef):
    """At each interval: {"packet_counts": {"Ethernet": 2659740, "IP": 2367035, "DNS": 9678, ...}}

    The names are those that scapy gives its layers. A layer that is there twice, as in a tunnel, counts twice.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.packet_counts = collections.defaultdict(int)
        self.poke_count = 0

    def packet_handler(self, packet):
        layer = packet
        while layer:
            self.packet_counts[layer.name] += 1
            layer = layer.payload

    def interval_handler(self, interval=None):
        self.poke_count += 1
        return {"packet_counts": dict(self.packet_counts)}
