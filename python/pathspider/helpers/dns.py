"""Questions of DNS: the address (A) of the job's domain, asked of the job's target."""
import secrets
import socket
import struct
import time

from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT
from pathspider.helpers.tcp import bound_socket, open_tcp, set_time_left

_TYPE_A, _CLASS_IN = 1, 1
_RECURSION_DESIRED = 0x0100
_RESPONSE = 0x8000


def question(domain):
    """A query of one question (RFC 1035, section 4.1); ValueError for what is no name."""
    labels = [label.encode("idna") if not label.isascii() else label.encode() for label in domain.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(f"{domain!r} is no domain name")
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", secrets.randbelow(1 << 16), _RECURSION_DESIRED, 1, 0, 0, 0) + name + struct.pack("!2H", _TYPE_A, _CLASS_IN)


def _answers(query, answer):
    return len(answer) >= 12 and answer[:2] == query[:2] and struct.unpack_from("!H", answer, 2)[0] & _RESPONSE != 0


def connect_dns_tcp(source, job, conn_timeout):
    return connect_dns(source, job, conn_timeout, tcp=True)


def connect_dns_udp(source, job, conn_timeout):
    return connect_dns(source, job, conn_timeout, tcp=False)


def connect_dns(source, job, conn_timeout, tcp=False):
    """Any answer will do, an error (RCODE) too."""
    try:
        query = question(job["domain"])
    except (ValueError, UnicodeError):
        return {"sp": 0, "spdr_state": CONN_FAILED}
    deadline = None if conn_timeout is None else time.monotonic() + conn_timeout
    return (_over_tcp if tcp else _over_udp)(source, job, conn_timeout, query, deadline)


def _over_tcp(source, job, conn_timeout, query, deadline):
    opened = open_tcp(source, job, conn_timeout)
    if opened.sock is None:
        return opened.record()
    with opened.sock as sock:
        state = _state_of(lambda: _exchange_tcp(sock, query, deadline))
    return {"sp": opened.sp, "spdr_state": state}


def _exchange_tcp(sock, query, deadline):
    sock.sendall(struct.pack("!H", len(query)) + query)
    size, = struct.unpack("!H", _exactly(sock, 2, deadline))
    return _answers(query, _exactly(sock, size, deadline))


def _exactly(sock, size, deadline):
    got = b""
    while len(got) < size:
        set_time_left(sock, deadline)
        more = sock.recv(size - len(got))
        if not more:
            raise ConnectionError("closed by the peer")
        got += more
    return got


def _over_udp(source, job, conn_timeout, query, deadline):
    try:
        sock = bound_socket(source, job, socket.SOCK_DGRAM)
    except OSError:
        return {"sp": 0, "spdr_state": CONN_FAILED}
    with sock:
        state = _state_of(lambda: _exchange_udp(sock, job, query, deadline))
        return {"sp": sock.getsockname()[1], "spdr_state": state}


def _exchange_udp(sock, job, query, deadline):
    sock.connect((job["dip"], int(job["dp"])))
    sock.send(query)
    while True:
        set_time_left(sock, deadline)
        if _answers(query, sock.recv(65535)):
            return True


def _state_of(exchange):
    try:
        return CONN_OK if exchange() else CONN_FAILED
    except TimeoutError:
        return CONN_TIMEOUT
    except OSError:
        return CONN_FAILED


def __getattr__(name):
    """PSDNSRecord is a record of the package dnslib, which must be installed for it."""
    if name == "PSDNSRecord":
        from pathspider.helpers._dnslib import PSDNSRecord
        return PSDNSRecord
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
