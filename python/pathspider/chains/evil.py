"""The reserved flag of the IPv4 header (RFC 791; RFC 3514)."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import syn_or_data


class EvilChain(Chain):
    """evilbit_syn_fwd/rev: it was set on the first TCP SYN; evilbit_data_fwd/rev: on the first packet that has TCP payload
    or is not TCP. None: not seen, or IPv6."""

    _native = "evil"

    def new_flow(self, rec, ip):
        for where in ("syn", "data"):
            for way in ("fwd", "rev"):
                rec["evilbit_{}_{}".format(where, way)] = None
        return True

    def ip4(self, rec, ip, rev):
        field = "evilbit_{}_{}".format(syn_or_data(ip), "rev" if rev else "fwd")
        if rec.get(field, False) is None:
            rec[field] = ip.has_rf
        return True
