"""Packets for tests, each a line of text, or bytes."""
import _spiderling

if not hasattr(_spiderling, "Packets"):
    raise ImportError("spiderling.testing is for an ordinary python3: inside of the program there is no test kit")

ETHERNET, RAW_IP = 1, 101  # link types, as capture files have them


class Packets(_spiderling.Packets):
    """Packets with their times, as a capture would give them: a sequence of (time, bytes).

        packets = Packets("10.0.0.1:4000 > 10.0.0.2:80 tcp S mss=1460 ecn=ect0",
                          "+0.02 10.0.0.2:80 > 10.0.0.1:4000 tcp SA mss=1400")
        time, data = packets[0]

    A line is `[TIME] SOURCE > DESTINATION PROTOCOL [OPTION...]`. Ends are ADDRESS:PORT, [ADDRESS]:PORT or ADDRESS, or names
    that an earlier line `let NAME = ...` has given them. TIME is in seconds: `0.5` from 1600000000 (2020-09-13), `+0.5` from
    the packet before; without one a packet comes a millisecond after the one before. What begins with # is a comment.

        tcp [FLAGS]       of F S R P A U E(ECE) C(CWR)
                          seq= ack= window= mss= ws= sack ts tfo[=COOKIE] opts=HEX
        udp               zero (no checksum)
        icmp TYPE[/CODE]  of the version of the addresses; `{ PACKET }` behind it is quoted: an ICMP error
        ip proto=N        any other protocol
        every packet      ttl= dscp= ecn=ect0|ect1|ce id= df evil (the reserved bit; IPv4)
                          vlan=ID snap=BYTES (so many are captured)
        payload           len=N text="..." hex=... dns=query:NAME dns=response:NAME

    Frames are Ethernet; `frame hex=BYTES` is one as it is, sense or not. A line that is none of these raises ValueError,
    which names it.
    """

    def __init__(self, *items):
        for item in items:
            self.add(item)

    def add(self, item, link_type=None):
        """A text of one line or several, other Packets, bytes, a packet of scapy, or an iterable of these.

        `link_type` is of bytes: Ethernet, if nothing is said; a packet of scapy that begins with IP is taken as such.
        """
        if isinstance(item, str):
            self.add_text(item)
        elif isinstance(item, _spiderling.Packets):
            self.extend(item)
        elif isinstance(item, (bytes, bytearray, memoryview)) or hasattr(item, "__bytes__"):
            begins_with_ip = getattr(item, "name", "") in ("IP", "IPv6")
            self.add_bytes(bytes(item), link_type or (RAW_IP if begins_with_ip else ETHERNET))
        else:
            for one in item:
                self.add(one, link_type)
        return self

    def wait(self, seconds):
        """The next packet comes so much later than it would."""
        super().wait(seconds)
        return self

    def __repr__(self):
        return f"<{len(self)} packets>"


def packets_of(given):
    return given if isinstance(given, Packets) else Packets(given)


def packet(line):
    """One line as the bytes of a frame; see Packets."""
    (_, data), = Packets(line)
    return data
