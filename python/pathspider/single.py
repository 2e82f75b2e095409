"""The single model: one connection, and nothing to compare it with."""
from pathspider.desync import DesynchronizedSpider
from pathspider.sync import SynchronizedSpider


class SingleSpider(DesynchronizedSpider):
    """connect() of a SynchronizedSpider, or the plugin's own, once."""

    connect = SynchronizedSpider.connect
