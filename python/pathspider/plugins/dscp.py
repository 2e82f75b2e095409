"""Differentiated services codepoints (RFC 2474)."""
from pathspider.base import PluggableSpider
from pathspider.plugins._shipped import ShippedSpider
from pathspider.sync import SynchronizedSpider


class DSCP(ShippedSpider, SynchronizedSpider, PluggableSpider, native="dscp"):
    """See `spiderling plugins show dscp`."""
