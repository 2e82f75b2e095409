"""Of PATHspider 2, desynchronized: one connection is the engine's, one of the plugin's own sockets, one of curl."""
import socket

from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.tcp import TCPChain
from pathspider.desync import DesynchronizedSpider
from pathspider.helpers.tcp import connect_tcp


class Talkers(DesynchronizedSpider, PluggableSpider):
    name = "talkers"
    description = "Who answers to what"
    version = "3.1"
    chains = [BasicChain, TCPChain]
    connect_supported = ["tcp"]

    @staticmethod
    def extra_args(parser):
        parser.add_argument("--greeting", default="hello", help="What is said first")
        parser.add_argument("-n", "--times", type=int, choices=range(1, 5), default=1, metavar="[1-4]", help="How often")
        parser.add_argument("--shout", action="store_true", help="In capitals")
        parser.add_argument("--also", action="append", default=[], help="What is said then")
        parser.add_argument("--pair", nargs=2, metavar=("A", "B"), help="Two words")

    def plain(self, job, config):
        assert config == 0
        job["seen"] = "by the first"
        return connect_tcp(self.source, job, self.args.timeout)

    def own(self, job, config):
        assert config == 1 and job["seen"] == "by the first"
        sock = socket.socket(socket.AF_INET6 if ":" in job["dip"] else socket.AF_INET)
        sock.settimeout(self.args.timeout)
        said = " ".join([self.args.greeting] * self.args.times + self.args.also + (self.args.pair or []))
        try:
            sock.connect((job["dip"], job["dp"]))
            state = CONN_OK
        except TimeoutError:
            state = CONN_TIMEOUT
        except OSError:
            state = CONN_FAILED
        rec = {"sp": sock.getsockname()[1], "spdr_state": state, "_socket": sock,
               "said": said.upper() if self.args.shout else said}
        return rec

    connections = [plain, own]

    def post_connect(self, job, rec, config):
        if config == 1:
            rec["_socket"].close()

    def combine_flows(self, flows):
        if not all(flow["observed"] for flow in flows):
            return ["pathspider.not_observed"]
        return [self.combine_connectivity(flows[0]["tcp_connected"], flows[1]["tcp_connected"], prefix="talkers.own"),
                f"talkers.ports.value:{len({flow['sp'] for flow in flows})}"]
