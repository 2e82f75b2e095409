"""HTTP/2 (RFC 9113)."""
from pathspider.base import PluggableSpider
from pathspider.desync import DesynchronizedSpider
from pathspider.plugins._shipped import ShippedSpider


class H2(ShippedSpider, DesynchronizedSpider, PluggableSpider, native="h2"):
    """See `spiderling plugins show h2`."""
