"""Of PATHspider 2: tells with which rights its functions run."""
import os
import socket
import subprocess

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.helpers.tcp import connect_tcp
from pathspider.sync import SynchronizedSpider


def capabilities(text):
    return next(line.split()[1] for line in text.splitlines() if line.startswith("CapEff:")).lstrip("0")


def here():
    with open("/proc/thread-self/status", encoding="ascii") as file:
        return [os.getuid(), os.getgid(), capabilities(file.read())]


class Rights(SynchronizedSpider, PluggableSpider):
    name = "rights"
    description = "What a plugin may do"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]

    def __init__(self, worker_count, libtrace_uri, args):
        super().__init__(worker_count, libtrace_uri, args)
        self.at_first = here()
        self.configuring = None

    def configure(self):
        self.configuring = here()
        subprocess.check_call(["/sbin/sysctl", "-qw", "net.ipv4.tcp_ecn=1"])

    configurations = [configure, configure]

    def connect(self, job, config):
        program = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
            raw = True
        try:
            with open("/etc/shadow", encoding="utf-8"):
                secrets = True
        except PermissionError:
            secrets = False
        return {**connect_tcp(self.source, job, self.args.timeout), "at_first": self.at_first, "configuring": self.configuring,
                "connecting": here(), "program": capabilities(program.stdout), "raw": raw, "secrets": secrets}

    def combine_flows(self, flows):
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows))]
