"""The chefs that come with netdumplings, in Python: to import, to derive from, to learn from.

`nd-sniff --chef-module netdumplings.dumplingchefs`, its default, takes those of the same names that are part of the
program, which are many times faster.
"""
from .arpchef import ARPChef
from .dnslookupchef import DNSLookupChef
from .packetcountchef import PacketCountChef

__all__ = ["ARPChef", "DNSLookupChef", "PacketCountChef"]

# Where they are to be found, for the hub's status.
ARPChef.__module__ = DNSLookupChef.__module__ = PacketCountChef.__module__ = __name__
