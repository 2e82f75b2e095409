"""A network that is made up: targets, and the paths to them, that do as they are told."""
import dataclasses
from typing import Callable, Optional

MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS, FAST_OPEN = 2, 3, 4, 8, 34  # kinds of TCP options


@dataclasses.dataclass
class FakeTarget:
    """A target and the path to it. Both are as a plain host on a clean path unless they are told otherwise.

        box = strips(MSS)
        box.drops = lambda packet: packet["IP"].tos & 3 != 0
        box.domain = "www.example.org"
    """

    answer: str = "accepts"  #: or "silent", "refuses" (a reset, port unreachable), "unreachable" (a router says so)

    # the target
    ecn: bool = True  #: takes up ECN (RFC 3168) when asked
    timestamps: bool = True  #: echoes these options in its SYN/ACK when asked ...
    window_scale: bool = True
    sack_permitted: bool = True
    mss: int = 1460  #: that it announces; 0: none
    fast_open: bool = True  #: gives cookies, and takes data with them (RFC 7413)
    dscp: int = 0  #: of its packets
    http_status: int = 200  #: that it answers requests with
    http2: bool = True
    #: What it says to bytes: a function of bytes that returns bytes. None: it answers requests of HTTP and questions of DNS,
    #: and to all else it says the same.
    says: Optional[Callable] = None

    # the path, in both directions
    drops: Optional[Callable] = None  #: a function of a packet, which answers as scapy's do from its IP header on; True: it is lost
    strips: tuple = ()  #: kinds of TCP options that are made NOPs on the way
    changes: Optional[Callable] = None  #: a function of an IP packet's bytes that returns as many; checksums are made right again

    # the observer
    observed: bool = True  #: False: it sees nothing of these connections
    lossy: bool = False  #: the kernel dropped packets meanwhile

    ipv6: bool = False  #: it has an IPv6 address, else an IPv4 one
    port: Optional[int] = None  #: that the job names; None: the measurement's own
    domain: str = ""  #: that the job names


def answers():
    return FakeTarget()


def silent():
    return FakeTarget(answer="silent")


def refuses():
    return FakeTarget(answer="refuses")


def strips(*kinds):
    return FakeTarget(strips=kinds)


def drops(which):
    return FakeTarget(drops=which)
