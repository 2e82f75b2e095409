"""UDP datagrams without a checksum (RFC 768)."""
from pathspider.chains.base import Chain


class UDPChain(Chain):
    """udp_zero_checksum_fwd/rev: the last datagram had checksum zero; None without one."""

    _native = "udp"

    def new_flow(self, rec, ip):
        rec["udp_zero_checksum_fwd"] = None
        rec["udp_zero_checksum_rev"] = None
        return True

    def udp(self, rec, udp, rev):
        rec["udp_zero_checksum_rev" if rev else "udp_zero_checksum_fwd"] = udp.checksum == 0
        return True
