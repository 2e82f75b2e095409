"""Of PATHspider 1: nothing to configure, so nothing to wait for."""
from pathspider.base import CONN_OK, PluggableSpider, SynchronizedSpider
from pathspider.observer import simple_observer


class Idle(SynchronizedSpider, PluggableSpider):
    def config_zero(self):
        """Nothing."""

    def config_one(self):
        pass

    def connect(self, job, config):
        return self.tcp_connect(job)

    def post_connect(self, job, rec, config):
        rec.pop("client").close()

    def create_observer(self):
        return simple_observer()

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows))]

    @staticmethod
    def register_args(subparsers):
        parser = subparsers.add_parser("idle", help="Nothing is configured")
        parser.set_defaults(spider=Idle)
