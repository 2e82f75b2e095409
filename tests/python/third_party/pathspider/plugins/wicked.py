"""Of PATHspider 2: packets of scapy."""
from scapy.all import DNS, DNSQR, IP, TCP, UDP, IPv6, RandShort

from pathspider.base import PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.dns import DNSChain
from pathspider.chains.evil import EvilChain
from pathspider.chains.tcp import TCP_SA, TCPChain
from pathspider.forge import ForgeSpider


class Wicked(ForgeSpider, PluggableSpider):
    name = "wicked"
    description = "Evil bit connectivity testing"
    version = "0.0.1"
    chains = [BasicChain, DNSChain, TCPChain, EvilChain]
    connect_supported = ["tcpsyn", "dnsudp"]
    packets = 2

    def setup(self, job):
        job["mark"] = "set up"

    def forge(self, job, seq):
        assert job["mark"] == "set up"
        sport = 0
        while sport < 1024:
            sport = int(RandShort())
        if self.args.connect == "tcpsyn":
            l4 = TCP(sport=sport, dport=job["dp"])
        else:
            l4 = UDP(sport=sport, dport=job["dp"]) / DNS(qd=DNSQR(qname=job["domain"]))
        if ":" in job["dip"]:
            return IPv6(src=self.source[1], dst=job["dip"]) / l4
        ip = IP(src=self.source[0], dst=job["dip"])
        if seq == 1:
            ip.flags = "evil"
        return ip / l4

    def combine_flows(self, flows):
        if not all(flow["observed"] for flow in flows):
            return ["pathspider.not_observed"]
        if self.args.connect == "dnsudp":
            return [self.combine_connectivity(*(flow["dns_response_valid"] for flow in flows))]
        answered = [flow["tcp_synflags_rev"] is not None and flow["tcp_synflags_rev"] & TCP_SA == TCP_SA for flow in flows]
        conditions = [self.combine_connectivity(*answered)]
        conditions.append("wicked.sent." + ("seen" if flows[1]["evilbit_syn_fwd"] else "not_seen"))
        return conditions
