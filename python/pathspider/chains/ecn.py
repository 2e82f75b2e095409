"""ECN codepoints in the IP header (RFC 3168)."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import TCP_SYN

_MARKS = {1: "ect1", 2: "ect0", 3: "ce"}


class ECNChain(Chain):
    """ecn_{ect0,ect1,ce}_{syn,data}_{fwd,rev}: such a mark was seen, on a TCP SYN or on another packet."""

    _native = "ecn"

    def new_flow(self, rec, ip):
        for way in ("fwd", "rev"):
            for where in ("syn", "data"):
                for mark in ("ect0", "ect1", "ce"):
                    rec["ecn_{}_{}_{}".format(mark, where, way)] = False
        return True

    def ip4(self, rec, ip, rev):
        return self._ecn_extract(rec, ip, rev)

    def ip6(self, rec, ip, rev):
        return self._ecn_extract(rec, ip, rev)

    def _ecn_extract(self, rec, ip, rev):
        mark = _MARKS.get(ip.traffic_class & 3)
        if mark is not None:
            tcp = ip.tcp
            where = "syn" if tcp and tcp.flags & TCP_SYN else "data"
            rec["ecn_{}_{}_{}".format(mark, where, "rev" if rev else "fwd")] = True
        return True
