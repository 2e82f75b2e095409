"""ICMP functions for function chains, and the names of pathspider.chains.icmp."""
from pathspider.chains.icmp import *  # noqa: F401,F403
from pathspider.chains.icmp import ICMP4_UNREACHABLE
from pathspider.chains.icmp import ICMPChain

#: as PATHspider 1 called it
ICMP_UNREACHABLE = ICMP4_UNREACHABLE

_chain = ICMPChain()


def icmp_setup(rec, ip):
    """For new_flow_chain: the field of icmp_unreachable."""
    return _chain.new_flow(rec, ip)


def icmp_unreachable(rec, ip, q, rev):
    """For icmp4_chain and icmp6_chain: "destination unreachable" came in reverse, which ends the flow."""
    if ip.version == 6:
        return _chain.icmp6(rec, ip, q, rev)
    return _chain.icmp4(rec, ip, q, rev)
