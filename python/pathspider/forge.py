"""The forging model: single packets of the plugin's own making, no connections."""
from pathspider import _arguments
from pathspider.desync import DesynchronizedSpider


class ForgeSpider(DesynchronizedSpider):
    """`packets`: how many; forge(job, seq) makes each: a packet of scapy, or the bytes of one from its IP header on."""

    packets = 0

    def pre_connect(self, job):
        self.setup(job)

    def setup(self, job):
        """Once a job, before its packets."""

    def forge(self, job, seq):
        raise NotImplementedError("forge() of this plugin")

    @classmethod
    def register_args(cls, subparsers):
        _arguments.register(cls, subparsers, timeout=False)
