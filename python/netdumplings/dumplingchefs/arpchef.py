"""Who asks for whom on the local network, who answers, and whose answer is a new one."""
from netdumplings.dumplingchef import DumplingChef


class ARPChef(DumplingChef):
    """For each ARP packet of IPv4 over Ethernet:

    {"operation": "reply", "src_hw": "00:00:5e:00:53:01", "src_ip": "192.0.2.1", "dst_hw": "00:00:5e:00:53:02",
     "dst_ip": "192.0.2.2", "time": 1499041214.2, "notes": "source device is new"}

    `operation` is "request", "reply" or a number; `notes` is null, or on a reply what is new about its source.
    """

    request = 1
    reply = 2
    max_addresses = 65536  #: that are remembered; of more, the one heard of longest ago is forgotten

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ip_mac = {}

    def packet_handler(self, packet):
        if not packet.haslayer("ARP"):
            return None
        arp = packet.getlayer("ARP")
        addresses = {"src_hw": arp.hwsrc, "src_ip": arp.psrc, "dst_hw": arp.hwdst, "dst_ip": arp.pdst}
        if not all(isinstance(address, str) for address in addresses.values()):
            return None  # malformed, or other hardware's
        operation = {self.request: "request", self.reply: "reply"}.get(arp.op, arp.op)
        return {"operation": operation, **addresses, "time": float(packet.time),
                "notes": self._news_of(arp) if arp.op == self.reply else None}

    def _news_of(self, arp):
        before = self.ip_mac.pop(arp.psrc, None)
        self.ip_mac[arp.psrc] = arp.hwsrc  # now the latest
        if before is None:
            if len(self.ip_mac) > self.max_addresses:
                del self.ip_mac[next(iter(self.ip_mac))]
            return "source device is new"
        return None if before == arp.hwsrc else "source device has new IP address"
