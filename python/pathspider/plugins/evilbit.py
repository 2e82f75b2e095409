"""The reserved flag of the IPv4 header (RFC 791; RFC 3514)."""
from pathspider.base import PluggableSpider
from pathspider.forge import ForgeSpider
from pathspider.plugins._shipped import ShippedSpider


class EvilBit(ShippedSpider, ForgeSpider, PluggableSpider, native="evilbit"):
    """See `spiderling plugins show evilbit`."""
