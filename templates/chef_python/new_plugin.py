"""The chef NewPlugin: tells of each DNS lookup as it happens, and every few seconds how many there were."""
import netdumplings


class NewPlugin(netdumplings.DumplingChef):

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.lookups = 0  # since the last poke

    def packet_handler(self, packet):
        """For each packet. What is returned is the payload of a dumpling; None: there is none."""
        if not packet.haslayer('DNSQR') or packet['DNS'].qr:
            return None  # no question
        self.lookups += 1
        hostname = packet['DNSQR'].qname.decode('utf-8', 'backslashreplace')
        return {'lookup': {'hostname': hostname.rstrip('.'), 'when': float(packet.time)}}

    def interval_handler(self, interval=None):
        """At regular times (nd-sniff --poke-interval), whether packets come or not."""
        lookups, self.lookups = self.lookups, 0
        return {'lookups': lookups, 'seconds': interval}
