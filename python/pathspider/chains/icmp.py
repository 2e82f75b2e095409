"""ICMP errors about the flow (RFC 792, RFC 4443)."""
from pathspider.chains.base import Chain

#: types of ICMPv4 messages
ICMP4_UNREACHABLE = 3
ICMP4_TTLEXCEEDED = 11
#: types of ICMPv6 messages
ICMP6_UNREACHABLE = 1
ICMP6_TTLEXCEEDED = 3


class ICMPChain(Chain):
    """icmp_unreachable: "destination unreachable" came in reverse, which ends the flow."""

    _native = "icmp"

    def new_flow(self, rec, ip):
        rec["icmp_unreachable"] = False
        return True

    def icmp4(self, rec, ip, q, rev):
        return self._note(rec, ip.icmp.type == ICMP4_UNREACHABLE, rev)

    def icmp6(self, rec, ip6, q, rev):
        return self._note(rec, ip6.icmp6.type == ICMP6_UNREACHABLE, rev)

    def _note(self, rec, unreachable, rev):
        if rev and unreachable:
            rec["icmp_unreachable"] = True
        return not rec["icmp_unreachable"]
