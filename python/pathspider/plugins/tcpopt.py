"""The TCP options timestamps, window scale (RFC 7323) and SACK (RFC 2018)."""
from pathspider.base import PluggableSpider
from pathspider.plugins._shipped import ShippedSpider
from pathspider.sync import SynchronizedSpider


class TCPOpt(ShippedSpider, SynchronizedSpider, PluggableSpider, native="tcpopt"):
    """See `spiderling plugins show tcpopt`."""
