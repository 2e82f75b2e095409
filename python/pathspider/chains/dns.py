"""Whether the flow was answered by a DNS response (RFC 1035), on any port."""
from _spiderling import is_dns_response

from pathspider.chains.base import Chain


class DNSChain(Chain):
    """dns_response_valid: a payload in reverse was a whole, well-formed DNS response, which ends the flow."""

    _native = "dns"

    def new_flow(self, rec, ip):
        rec["dns_response_valid"] = False
        return True

    def tcp(self, rec, tcp, rev):
        segment = tcp.payload.data if tcp.payload is not None else b""
        length = int.from_bytes(segment[:2], "big")  # section 4.2.2: goes before the message
        if len(segment) < 2 + length:
            return True
        return self._dns_response(rec, segment[2 : 2 + length], rev)

    def udp(self, rec, udp, rev):
        return self._dns_response(rec, udp.payload.data if udp.payload is not None else b"", rev)

    def _dns_response(self, rec, message, rev):
        if rev and is_dns_response(message):
            rec["dns_response_valid"] = True
        return not rec["dns_response_valid"]
