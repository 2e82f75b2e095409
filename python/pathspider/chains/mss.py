"""The maximum segment size option (RFC 9293, section 3.7.1)."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import TO_MSS
from pathspider.chains.tcp import tcp_options


class MSSChain(Chain):
    """mss_len_fwd/rev: length of the option on a SYN, its two header bytes included; mss_value_fwd/rev: its value."""

    _native = "mss"

    def new_flow(self, rec, ip):
        for field in ("mss_len_fwd", "mss_len_rev", "mss_value_fwd", "mss_value_rev"):
            rec[field] = None
        return True

    def tcp(self, rec, tcp, rev):
        value = tcp_options(tcp).get(TO_MSS) if tcp.syn_flag else None
        if value is not None:
            way = "rev" if rev else "fwd"
            rec["mss_len_" + way] = len(value) + 2
            if len(value) == 2:
                rec["mss_value_" + way] = int.from_bytes(value, "big")
        return True
