"""Addresses, ports, and what was sent each way."""
from pathspider.chains.base import Chain


class BasicChain(Chain):
    """sip, dip, proto, sp, dp, pkt_fwd, pkt_rev, oct_fwd, oct_rev. Octets are those of IP datagrams."""

    _native = "basic"

    def _extract_ports(self, ip):
        for transport in (ip.udp, ip.tcp):
            if transport:
                return (transport.src_port, transport.dst_port)
        return (None, None)

    def new_flow(self, rec, ip):
        rec["sip"] = str(ip.src_prefix)
        rec["dip"] = str(ip.dst_prefix)
        rec["proto"] = ip.proto
        rec["sp"], rec["dp"] = self._extract_ports(ip)
        for counter in ("pkt_fwd", "pkt_rev", "oct_fwd", "oct_rev"):
            rec[counter] = 0
        return True

    def ip4(self, rec, ip, rev):
        return self._basic_count(rec, ip, rev)

    def ip6(self, rec, ip, rev):
        return self._basic_count(rec, ip, rev)

    def _basic_count(self, rec, ip, rev):
        way = "rev" if rev else "fwd"
        rec["pkt_" + way] += 1
        rec["oct_" + way] += ip.size
        return True
