"""TCP handshake and end of the connection (RFC 9293), names of flags and options, and an options parser."""
from pathspider.chains.base import Chain

#: the IP protocol number
PROTO_TCP = 6

#: flags
TCP_CWR = 0x80
TCP_ECE = 0x40
TCP_URG = 0x20
TCP_ACK = 0x10
TCP_PSH = 0x08
TCP_RST = 0x04
TCP_SYN = 0x02
TCP_FIN = 0x01

#: flags of handshakes, without and with ECN (RFC 3168)
TCP_SA = TCP_SYN | TCP_ACK
TCP_SEC = TCP_SYN | TCP_ECE | TCP_CWR
TCP_SAEC = TCP_SYN | TCP_ACK | TCP_ECE | TCP_CWR
TCP_SAE = TCP_SYN | TCP_ACK | TCP_ECE

#: kinds of options
TO_EOL = 0
TO_NOP = 1
TO_MSS = 2
TO_WS = 3
TO_SACKOK = 4
TO_SACK = 5
TO_TS = 8
TO_MPTCP = 30
TO_FASTOPEN = 34
TO_EXPA = 254
TO_EXPB = 255
#: what says that an experimental option is Fast Open (RFC 7413)
TO_EXID_FASTOPEN = (0xF9, 0x89)


def tcp_options(tcp):
    """{kind: value bytes} of a TCP header's options, in their order; the first counts where one comes twice.

    Ends at an option whose length is impossible: what a peer sends can neither hang nor break it.
    """
    rest = tcp.data[20 : tcp.doff * 4]
    options = {}
    while rest:
        kind = rest[0]
        if kind == TO_NOP:
            rest = rest[1:]
            continue
        if kind == TO_EOL or len(rest) < 2 or not 2 <= rest[1] <= len(rest):
            break
        options.setdefault(kind, rest[2 : rest[1]])
        rest = rest[rest[1] :]
    return options


def syn_or_data(ip):
    """Where in a flow an IP packet stands: "syn" for a TCP SYN, "data" for TCP payload and for what is not TCP; else None."""
    tcp = ip.tcp
    if tcp and tcp.flags & TCP_SYN:
        return "syn"
    return None if ip.proto == PROTO_TCP and ip.tcp_payload is None else "data"


class TCPChain(Chain):
    """tcp_synflags_fwd/rev: the flags byte of the first SYN each way, or None. tcp_fin_fwd/rev, tcp_rst_fwd/rev: in the
    direction in which it was sent. tcp_connected: SYN, SYN+ACK in reverse, ACK. Ends the flow on FIN both ways or any
    RST."""

    _native = "tcp"

    def new_flow(self, rec, ip):
        rec["tcp_synflags_fwd"] = None
        rec["tcp_synflags_rev"] = None
        for field in ("tcp_fin_fwd", "tcp_fin_rev", "tcp_rst_fwd", "tcp_rst_rev", "tcp_connected"):
            rec[field] = False
        return True

    def tcp(self, rec, tcp, rev):
        way = "rev" if rev else "fwd"
        if tcp.syn_flag:
            if rec["tcp_synflags_" + way] is None:
                rec["tcp_synflags_" + way] = tcp.flags & 0xFF
        elif not rev and tcp.ack_flag and rec["tcp_synflags_fwd"] is not None:
            rec["tcp_connected"] = rec["tcp_connected"] or (rec["tcp_synflags_rev"] or 0) & TCP_ACK != 0
        if tcp.fin_flag:
            rec["tcp_fin_" + way] = True
        if tcp.rst_flag:
            rec["tcp_rst_" + way] = True
        both_done = rec["tcp_fin_fwd"] and rec["tcp_fin_rev"]
        return not (both_done or rec["tcp_rst_fwd"] or rec["tcp_rst_rev"])
