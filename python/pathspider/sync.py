"""The synchronized model: the same connection under each of several configurations of the host."""
import threading

from pathspider import _arguments
from pathspider.base import CONN_DISCARD, QUEUE_SLEEP, SHUTDOWN_SENTINEL, Spider  # noqa: F401 (plugins take them from here)
from pathspider.helpers import connect_as


class SynchronizedSpider(Spider):
    """`configurations`: functions that set the host up, called with the spider; or a method that returns them.

    Plugins of PATHspider 1 have config_zero() and config_one() instead.
    """

    configurations = []

    def connect(self, job, config):
        """As --connect says."""
        return connect_as(self.args.connect, self.source, job, self.args.timeout)

    @classmethod
    def register_args(cls, subparsers):
        _arguments.register(cls, subparsers)


class SemaphoreN(threading.BoundedSemaphore):
    """A semaphore of which several tokens are taken and given back at once. It begins without any."""

    def __init__(self, value):
        super().__init__(value)
        self.size = value
        self.empty()

    def __str__(self):
        return f"SemaphoreN of {self.size}"

    def acquire_n(self, value=1, blocking=True, timeout=None):
        got = None
        for _ in range(value):
            got = self.acquire(blocking=blocking, timeout=timeout)
        return got

    def release_n(self, value=1):
        for _ in range(value):
            self.release()

    def empty(self):
        while self.acquire(blocking=False):
            pass
