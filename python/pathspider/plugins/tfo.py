"""TCP Fast Open (RFC 7413)."""
from pathspider.base import PluggableSpider
from pathspider.desync import DesynchronizedSpider
from pathspider.plugins._shipped import ShippedSpider


class TFO(ShippedSpider, DesynchronizedSpider, PluggableSpider, native="tfo"):
    """See `spiderling plugins show tfo`."""
