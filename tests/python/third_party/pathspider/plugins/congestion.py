"""Of PATHspider 2, synchronized."""
import subprocess

import pathspider.base
from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.ecn import ECNChain
from pathspider.chains.tcp import TCP_SAE, TCP_SAEC, TCPChain
from pathspider.sync import SynchronizedSpider


class Congestion(SynchronizedSpider, PluggableSpider):
    name = "congestion"
    description = "Explicit Congestion Notification by a third party"
    version = pathspider.base.__version__
    chains = [BasicChain, TCPChain, ECNChain]
    connect_supported = ["http", "https", "tcp", "dnstcp", "dnsudp"]

    def config_no_ecn(self):
        subprocess.check_call(["/sbin/sysctl", "-w", "net.ipv4.tcp_ecn=2"], stdout=subprocess.DEVNULL)

    def config_ecn(self):
        subprocess.check_call(["/sbin/sysctl", "-w", "net.ipv4.tcp_ecn=1"], stdout=subprocess.DEVNULL)

    configurations = [config_no_ecn, config_ecn]

    def combine_flows(self, flows):
        for flow in flows:
            if not flow["observed"]:
                return ["pathspider.not_observed"]
        conditions = [self.combine_connectivity(flows[0]["spdr_state"] == CONN_OK, flows[1]["spdr_state"] == CONN_OK)]
        if flows[1]["tcp_synflags_rev"] is not None:
            negotiated = flows[1]["tcp_synflags_rev"] & TCP_SAEC == TCP_SAE
            conditions.append(self.name + (".negotiation.succeeded" if negotiated else ".negotiation.failed"))
        return conditions
