"""Records of dnslib that send themselves to a job's target."""
import socket
import time

from dnslib import DNSRecord
from dnslib.dns import DNSError

from pathspider.helpers import dns, tcp


class PSDNSRecord(DNSRecord):
    def spider_send(self, source, job, conn_timeout, tcp=False):  # pylint: disable=redefined-outer-name
        """Sends the question; the answer's bytes (None: none that parses came in time) and the local port."""
        deadline = time.monotonic() + conn_timeout
        answer, sp = (_over_tcp if tcp else _over_udp)(source, job, conn_timeout, self.pack(), deadline)
        try:
            if answer is not None:
                DNSRecord.parse(answer)
        except DNSError:
            answer = None
        return answer, sp


def _over_tcp(source, job, conn_timeout, query, deadline):
    opened = tcp.open_tcp(source, job, conn_timeout)
    if opened.sock is None:
        raise TimeoutError if opened.state == dns.CONN_TIMEOUT else ConnectionError("cannot connect")
    with opened.sock as sock:
        try:
            sock.sendall(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(dns._exactly(sock, 2, deadline), "big")
            return dns._exactly(sock, size, deadline), opened.sp
        except OSError:
            return None, opened.sp


def _over_udp(source, job, conn_timeout, query, deadline):
    with tcp.bound_socket(source, job, socket.SOCK_DGRAM) as sock:
        sock.sendto(query, (job["dip"], int(job["dp"])))
        sp = sock.getsockname()[1]
        try:
            tcp.set_time_left(sock, deadline)
            return sock.recvfrom(65535)[0], sp
        except OSError:
            return None, sp
