"""Of PATHspider 2: marks packets by rules of the firewall, and leaves some of them there."""
import subprocess

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.dscp import DSCPChain
from pathspider.sync import SynchronizedSpider


def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


class Walls(SynchronizedSpider, PluggableSpider):
    name = "walls"
    description = "Codepoints by rules"
    version = "1.0"
    chains = [BasicChain, DSCPChain]
    connect_supported = ["tcp"]

    def unmarked(self):
        nft("table inet of_walls\ndelete table inet of_walls\n")

    def marked(self):
        nft("table inet of_walls { chain out { type route hook output priority mangle; ip dscp set 46; ip6 dscp set 46; }; }\n"
            "add rule inet firewall in accept\n")

    configurations = [unmarked, marked]

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows)), *(f"walls.{flow['dscp_mark_syn_fwd']}.sent" for flow in flows)]
