"""TCP Fast Open (RFC 7413): cookies, and data on the SYN."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import TO_EXID_FASTOPEN
from pathspider.chains.tcp import TO_EXPA
from pathspider.chains.tcp import TO_EXPB
from pathspider.chains.tcp import TO_FASTOPEN
from pathspider.chains.tcp import tcp_options


class TFOChain(Chain):
    """tfo_synkind, tfo_ackkind: kind of the option on SYN and SYN+ACK, 0 without one; tfo_synclen, tfo_ackclen: length of
    the cookie; tfo_seq, tfo_dlen: sequence number and payload length of the SYN; tfo_ack: acknowledgement number of the
    SYN+ACK."""

    _native = "tfo"

    def _cookie(self, tcp):
        for kind, value in tcp_options(tcp).items():
            if kind == TO_FASTOPEN:
                return (kind, bytes(value))
            if kind in (TO_EXPA, TO_EXPB) and tuple(value[:2]) == TO_EXID_FASTOPEN:
                return (kind, bytes(value[2:]))
        return (None, None)

    def new_flow(self, rec, ip):
        for field in ("synkind", "ackkind", "synclen", "ackclen", "seq", "dlen", "ack"):
            rec["tfo_" + field] = 0
        return True

    def tcp(self, rec, tcp, rev):
        if not tcp.syn_flag:
            return True
        kind, cookie = self._cookie(tcp)
        on = "ack" if tcp.ack_flag else "syn"
        if kind is not None:
            rec["tfo_" + on + "kind"] = kind
            rec["tfo_" + on + "clen"] = len(cookie)
            if on == "syn":
                rec["tfo_seq"] = tcp.seq_nbr
                rec["tfo_dlen"] = tcp.payload.size if tcp.payload is not None else 0
        if on == "ack" and rec["tfo_synkind"]:
            rec["tfo_ack"] = tcp.ack_nbr
        return True
