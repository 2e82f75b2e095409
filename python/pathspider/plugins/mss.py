"""The maximum segment size option (RFC 9293, section 3.7.1)."""
from pathspider.base import PluggableSpider
from pathspider.plugins._shipped import ShippedSpider
from pathspider.single import SingleSpider


class MSS(ShippedSpider, SingleSpider, PluggableSpider, native="mss"):
    """See `spiderling plugins show mss`."""
