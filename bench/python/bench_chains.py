"""The chains in Python that chains_bench.py runs."""
from pathspider.chains.base import Chain
from pathspider.chains.basic import BasicChain
from pathspider.chains.tcp import TCPChain


class WindowChain(Chain):
    """One hook: the largest window each way, and segments with PSH"""

    fields = {"window_fwd": "largest forward", "window_rev": "largest in reverse", "window_pushes": "segments with PSH"}

    def new_flow(self, rec, ip):
        rec["window_fwd"] = rec["window_rev"] = rec["window_pushes"] = 0
        return True

    def tcp(self, rec, tcp, rev):
        field = "window_rev" if rev else "window_fwd"
        if tcp.window > rec[field]:
            rec[field] = tcp.window
        if tcp.psh_flag:
            rec["window_pushes"] += 1
        return True


class EverywhereChain(Chain):
    """A hook for each packet's IP header and one for its transport; it reads native fields too"""

    fields = {"every_ttl": "lowest", "every_ports": "pairs", "every_share": "of octets forward"}

    def new_flow(self, rec, ip):
        rec["every_ttl"], rec["every_ports"], rec["every_share"] = 255, None, None
        return True

    def ip4(self, rec, ip, rev):
        rec["every_ttl"] = min(rec["every_ttl"], ip.ttl)
        return True

    ip6 = ip4

    def tcp(self, rec, tcp, rev):
        rec["every_ports"] = tcp.src_port, tcp.dst_port
        rec["every_share"] = rec["oct_fwd"] / (rec["oct_fwd"] + rec["oct_rev"])
        return True

    udp = tcp


class OwnBasicChain(BasicChain):
    """basic, in Python"""


class OwnTCPChain(TCPChain):
    """tcp, in Python"""
