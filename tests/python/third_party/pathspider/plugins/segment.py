"""Of PATHspider 2, with a single connection, and a chain of the plugin's own beside those that ship."""
from pathspider.base import PluggableSpider
from pathspider.chains.base import Chain
from pathspider.chains.basic import BasicChain
from pathspider.chains.mss import MSSChain
from pathspider.chains.tcp import TCPChain
from pathspider.single import SingleSpider


class HopsChain(Chain):
    """Time to live of what comes back."""

    def new_flow(self, rec, ip):
        rec["hops_rev"] = None
        return True

    def ip4(self, rec, ip, rev):
        if rev:
            rec["hops_rev"] = ip.ttl
        return True

    def ip6(self, rec, ip, rev):
        if rev:
            rec["hops_rev"] = ip.hop_limit
        return True


class Segment(SingleSpider, PluggableSpider):
    name = "segment"
    description = "Segment size"
    version = "1.0"
    chains = [BasicChain, TCPChain, MSSChain, HopsChain]
    connect_supported = ["tcp", "http", "https", "dnstcp"]

    def combine_flows(self, flows):
        if not flows[0]["observed"]:
            return ["pathspider.not_observed"]
        conditions = [self.combine_connectivity(flows[0]["tcp_connected"])]
        if flows[0]["tcp_connected"]:
            conditions.append("segment.local.value:" + str(flows[0]["mss_value_fwd"]))
            conditions.append("segment.hops.value:" + str(flows[0]["hops_rev"]))
        return conditions
