"""Differentiated services codepoints (RFC 2474)."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import syn_or_data


class DSCPChain(Chain):
    """dscp_mark_syn_fwd/rev: 0 to 63, of the first TCP SYN; dscp_mark_data_fwd/rev: of the first packet that has TCP
    payload or is not TCP. None: not seen; 0 is a mark."""

    _native = "dscp"

    def new_flow(self, rec, ip):
        for where in ("syn", "data"):
            for way in ("fwd", "rev"):
                rec["dscp_mark_{}_{}".format(where, way)] = None
        return True

    def ip4(self, rec, ip, rev):
        return self._dscp_extract(rec, ip, rev)

    def ip6(self, rec, ip, rev):
        return self._dscp_extract(rec, ip, rev)

    def _dscp_extract(self, rec, ip, rev):
        field = "dscp_mark_{}_{}".format(syn_or_data(ip), "rev" if rev else "fwd")
        if rec.get(field, False) is None:
            rec[field] = ip.traffic_class >> 2
        return True
