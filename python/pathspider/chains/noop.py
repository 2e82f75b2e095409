"""A chain that does nothing: something to start from."""
from pathspider.chains.base import Chain


class NoOpChain(Chain):
    """Has every hook and no field."""

    _native = "noop"

    def new_flow(self, rec, ip):
        """A flow has begun; `ip` is the IP header of its first packet. False: it is not wanted."""
        return True

    def ip4(self, rec, ip, rev):
        """An IPv4 packet."""
        return True

    def ip6(self, rec, ip6, rev):
        """An IPv6 packet."""
        return True

    def icmp4(self, rec, ip, q, rev):
        """A packet with an ICMPv4 message: `ip` is its IP header, `q` the packet that it quotes, if any."""
        return True

    def icmp6(self, rec, ip6, q, rev):
        """A packet with an ICMPv6 message."""
        return True

    def tcp(self, rec, tcp, rev):
        """A TCP segment."""
        return True

    def udp(self, rec, udp, rev):
        """A UDP datagram."""
        return True

    def l4(self, rec, pkt, rev):
        """A packet with any other transport."""
        return True
