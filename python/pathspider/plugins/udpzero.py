"""UDP without a checksum (RFC 768)."""
from pathspider.base import PluggableSpider
from pathspider.forge import ForgeSpider
from pathspider.plugins._shipped import ShippedSpider


class UDPZero(ShippedSpider, ForgeSpider, PluggableSpider, native="udpzero"):
    """See `spiderling plugins show udpzero`."""
