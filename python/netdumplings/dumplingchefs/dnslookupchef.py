"""Which hosts are looked up, as it happens and summed up."""
import time

from netdumplings.dumplingchef import DumplingChef


class DNSLookupChef(DumplingChef):
    """For each packet with a question of DNS, and at each interval:

    {"lookup": {"hostname": "www.example.org", "when": 1499040017.8}}
    {"lookups_seen": {"www.example.org": {"count": 28, "latest": 1499040017.8}, ...}}
    """

    max_hosts = 1024  #: that are remembered; of more, the one looked up longest ago is forgotten

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.lookups_seen = {}

    def packet_handler(self, packet):
        if not packet.haslayer("DNS"):
            return None
        hostname = self._hostname(packet.getlayer("DNS"))
        if hostname is None:
            return None
        now = time.time()
        seen = self.lookups_seen.pop(hostname, {"count": 0})
        self.lookups_seen[hostname] = {"count": seen["count"] + 1, "latest": now}  # now the latest
        if len(self.lookups_seen) > self.max_hosts:
            del self.lookups_seen[next(iter(self.lookups_seen))]
        return {"lookup": {"hostname": hostname, "when": now}}

    def interval_handler(self, interval=None):
        return {"lookups_seen": dict(self.lookups_seen)}

    @staticmethod
    def _hostname(dns):
        if dns.fields.get("qdcount") == 0:
            return None  # where scapy would make one up
        question = dns.fields.get("qd")
        if isinstance(question, (list, tuple)):  # scapy since 2.6
            question = question[0] if question else None
        name = getattr(question, "qname", None)
        if name is None:
            return None
        if isinstance(name, bytes):
            name = name.decode("utf-8", "backslashreplace")
        return name[:-1] if name.endswith(".") else name
