"""Explicit Congestion Notification (RFC 3168)."""
from pathspider.base import PluggableSpider
from pathspider.plugins._shipped import ShippedSpider
from pathspider.sync import SynchronizedSpider


class ECN(ShippedSpider, SynchronizedSpider, PluggableSpider, native="ecn"):
    """See `spiderling plugins show ecn`."""
