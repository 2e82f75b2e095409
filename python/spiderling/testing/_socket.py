"""The sockets that lead into a network that is made up."""
import contextlib
import fcntl
import socket
import struct
import termios
import time

OURS = {False: "192.0.2.1", True: "2001:db8::1"}  # by whether it is IPv6


class Socket(socket.socket):
    """Behaves as one of TCP, as far as plugins ask.

    Each call sends a segment of its own: it returns when the target has taken it. A wait for what was lost ends at once, as
    if its time were over.
    """

    #: (address, port), ours and the target's
    ends = (("", 0), ("", 0))
    _shut = False

    def send(self, data, *flags):
        self.sendall(data, *flags)
        return memoryview(data).nbytes

    def sendall(self, data, *flags):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was lost; who waits for an answer will see
            super().sendall(data, *flags)
            self._wait_until_taken()

    def recv(self, size, *flags):
        return self._or_lost(lambda: super(Socket, self).recv(size, *flags), size)

    def recv_into(self, buffer, nbytes=0, *flags):
        return self._or_lost(lambda: super(Socket, self).recv_into(buffer, nbytes, *flags), memoryview(buffer).nbytes)

    def shutdown(self, how):
        self._shut = True
        with contextlib.suppress(OSError):
            super().shutdown(how)

    def getsockname(self):
        return self.ends[0]

    def getpeername(self):
        return self.ends[1]

    def setsockopt(self, level, *rest):
        if level == socket.SOL_SOCKET:
            super().setsockopt(level, *rest)

    def _wait_until_taken(self):
        timeout = self.gettimeout()
        end = None if timeout is None else time.monotonic() + timeout
        while struct.unpack("i", fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0] > 0:
            if end is not None and time.monotonic() > end:
                raise TimeoutError("timed out")
            time.sleep(0.0002)

    def _or_lost(self, receive, wanted):
        try:
            got = receive()
        except ConnectionResetError:
            got = 0
        if got or self._shut or not wanted:
            return got
        raise TimeoutError("timed out")


class Worker:
    """The engine's worker, whose sockets are these."""

    def __init__(self, native):
        self._native, self._target, self._sp = native, ("", 0), 0

    def can_connect(self, dip, dp, timeout):
        self._target = (dip, dp)
        return self._native.can_connect(dip, dp, timeout)

    def tcp_connect(self):
        descriptor, self._sp, state = self._native.tcp_connect()
        return descriptor, self._sp, state

    def socket_class(self, fileno):
        made = Socket(fileno=fileno)
        made.ends = ((OURS[":" in self._target[0]], self._sp), self._target)
        return made
