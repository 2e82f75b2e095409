"""Connections of TCP."""
import contextlib
import socket
import time

from pathspider import _current
from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT


class Opened:
    """What came of an attempt to connect."""

    def __init__(self, sock, sp, state):
        self.sock, self.sp, self.state = sock, sp, state

    def client(self):
        """The socket; if there is none, one that is not connected: plugins shut it down and close it unasked."""
        return self.sock if self.sock is not None else socket.socket()

    def record(self):
        return {"sp": self.sp, "spdr_state": self.state}


def open_tcp(source, job, conn_timeout, sockopts=()):
    """Connects to `dip` and `dp` of the job.

    Within a run the engine does it where it can: both ends are known before the SYN leaves. It cannot for another target
    than the job's, a second time, with options of the socket, or in less time than the run gives a connection.
    """
    worker = _current.worker()
    if worker is not None and not sockopts and worker.can_connect(str(job["dip"]), int(job["dp"]), conn_timeout):
        descriptor, sp, state = worker.tcp_connect()
        sock = None if descriptor < 0 else getattr(worker, "socket_class", socket.socket)(fileno=descriptor)
        if sock is not None:
            sock.settimeout(conn_timeout)
        return Opened(sock, sp, state)
    return _open_by_ourselves(source, job, conn_timeout, sockopts)


def bound_socket(source, job, kind=socket.SOCK_STREAM):
    """A socket of the family of the job's address, at the source address of that family if there is one."""
    v6 = ":" in job["dip"]
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    address = source[1 if v6 else 0] if source else None
    try:
        if address is not None:
            sock.bind((address, 0))
    except OSError:
        sock.close()
        raise
    return sock


def set_time_left(sock, deadline):
    """Its next call ends at the deadline (of time.monotonic(); None: never). Raises TimeoutError if that is over."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def _open_by_ourselves(source, job, conn_timeout, sockopts):
    try:
        sock = bound_socket(source, job)
    except OSError:
        return Opened(None, 0, CONN_FAILED)
    try:
        for option in sockopts:
            sock.setsockopt(*option)
        sock.settimeout(conn_timeout)
        sock.connect((job["dip"], int(job["dp"])))
        return Opened(sock, sock.getsockname()[1], CONN_OK)
    except OSError as problem:
        sp = sock.getsockname()[1]
        sock.close()
        return Opened(None, sp, CONN_TIMEOUT if isinstance(problem, TimeoutError) else CONN_FAILED)


def connect_tcp(source, job, conn_timeout, sockopts=None):
    """The handshake, and no more. `sockopts`: arguments of setsockopt(), one tuple an option."""
    opened = open_tcp(source, job, conn_timeout, sockopts or ())
    if opened.sock is not None:
        with opened.sock, contextlib.suppress(OSError):
            opened.sock.shutdown(socket.SHUT_RDWR)
    return opened.record()


def __getattr__(name):
    """Where early plugins looked for it."""
    if name == "connect_http":
        from pathspider.helpers.http import connect_http
        return connect_http
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
