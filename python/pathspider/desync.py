"""The desynchronized model: connections that differ by themselves, with no state of the host between them."""
from pathspider import _arguments
from pathspider.base import CONN_DISCARD, QUEUE_SLEEP, SHUTDOWN_SENTINEL, Spider  # noqa: F401


class DesynchronizedSpider(Spider):
    """`connections`: functions (self, job, config), one a connection. Without any, connect() is called twice, as
    PATHspider 1 did."""

    connections = []

    @classmethod
    def register_args(cls, subparsers):
        _arguments.register(cls, subparsers)
