"""TCP functions for function chains, and the names of pathspider.chains.tcp."""
from pathspider.chains.tcp import *  # noqa: F401,F403
from pathspider.chains.tcp import TCP_ACK
from pathspider.chains.tcp import TO_EXID_FASTOPEN
from pathspider.chains.tcp import TCPChain

#: as PATHspider 1.1 called it
TO_EXP_FASTOPEN = TO_EXID_FASTOPEN

_chain = TCPChain()


def tcp_state_setup(rec, ip):
    """For new_flow_chain: the fields of tcp_state."""
    return _chain.new_flow(rec, ip)


def tcp_state(rec, tcp, rev):
    """For tcp_chain: flags of SYNs, FIN and RST each way, whether the handshake was seen. Ends the flow on FIN both ways
    or any RST."""
    return _chain.tcp(rec, tcp, rev)


# The same under the names that PATHspider 1.0 had, in two functions.


def tcp_setup(rec, ip):
    """For new_flow_chain: the fields of tcp_handshake and tcp_complete."""
    rec["fwd_syn_flags"] = None
    rec["rev_syn_flags"] = None
    for field in ("fwd_fin", "rev_fin", "fwd_rst", "rev_rst", "tcp_connected"):
        rec[field] = False
    return True


def tcp_handshake(rec, tcp, rev):
    """For tcp_chain: fwd_syn_flags, rev_syn_flags (of the first SYN each way), tcp_connected."""
    way = "rev" if rev else "fwd"
    if tcp.syn_flag:
        if rec[way + "_syn_flags"] is None:
            rec[way + "_syn_flags"] = tcp.flags & 0xFF
    elif not rev and tcp.ack_flag and rec["fwd_syn_flags"] is not None and (rec["rev_syn_flags"] or 0) & TCP_ACK:
        rec["tcp_connected"] = True
    return True


def tcp_complete(rec, tcp, rev):
    """For tcp_chain: fwd_fin, rev_fin, fwd_rst, rev_rst. Ends the flow on FIN both ways or any RST."""
    way = "rev" if rev else "fwd"
    if tcp.fin_flag:
        rec[way + "_fin"] = True
    if tcp.rst_flag:
        rec[way + "_rst"] = True
    return not ((rec["fwd_fin"] and rec["rev_fin"]) or rec["fwd_rst"] or rec["rev_rst"])
