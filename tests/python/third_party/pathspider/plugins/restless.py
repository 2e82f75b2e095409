"""Of PATHspider 2: configurations that change settings of the host of all kinds, and take none of them back."""
import pathlib
import subprocess

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.sync import SynchronizedSpider


class Restless(SynchronizedSpider, PluggableSpider):
    name = "restless"
    description = "What is left of settings"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]

    def set(self, value):
        interface = self.libtrace_uri[len("int:"):]
        subprocess.check_call(["/sbin/sysctl", "-qw", f"net.ipv4.tcp_ecn={value}", f"net.ipv4.tcp_sack={value}", f"net.ipv4.ip_forward={value}"])
        pathlib.Path(f"/proc/sys/net/ipv4/conf/{interface}/rp_filter").write_text(str(2 * value))
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{interface}/hop_limit").write_text(str(60 + value))
        pathlib.Path("/proc/sys/net/ipv4/tcp_rmem").write_text(f"4096 {131072 + value} 6291456")

    def first(self):
        self.set(0)

    def second(self):
        self.set(1)

    configurations = [first, second]

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows))]
