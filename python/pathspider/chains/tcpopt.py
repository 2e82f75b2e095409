"""TCP options that the other side's SYN carried."""
from pathspider.chains.base import Chain
from pathspider.chains.tcp import TO_SACKOK
from pathspider.chains.tcp import TO_TS
from pathspider.chains.tcp import TO_WS
from pathspider.chains.tcp import tcp_options


class TCPOptChain(Chain):
    """tcpopt_ts, tcpopt_ws, tcpopt_sack: True if a SYN in reverse had timestamps, window scale, SACK permitted; else
    None."""

    _native = "tcpopt"

    def new_flow(self, rec, ip):
        for field in ("tcpopt_ts", "tcpopt_ws", "tcpopt_sack"):
            rec[field] = None
        return True

    def tcp(self, rec, tcp, rev):
        if rev and tcp.syn_flag:
            options = tcp_options(tcp)
            for kind, field in ((TO_TS, "tcpopt_ts"), (TO_WS, "tcpopt_ws"), (TO_SACKOK, "tcpopt_sack")):
                if kind in options:
                    rec[field] = True
        return True
