"""One plugin for each thing that can go wrong; --how says which."""
import sys
import time

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.desync import DesynchronizedSpider
from pathspider.helpers.tcp import connect_tcp
from pathspider.sync import SynchronizedSpider


def do(self, where):
    how = self.args.how
    if how == where + ":raise":
        raise KeyError("of " + where)
    if how == where + ":exit":
        sys.exit(3)
    if how == where + ":interrupt":
        raise KeyboardInterrupt
    if how == where + ":hang":
        time.sleep(3600)
    if how == where + ":spin":
        while True:
            pass
    if how == where + ":recurse":
        do(self, where)


class Trouble(DesynchronizedSpider, PluggableSpider):
    name = "trouble"
    description = "What can go wrong"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]

    @staticmethod
    def extra_args(parser):
        parser.add_argument("--how", required=True, help="what goes wrong")

    def __init__(self, worker_count, libtrace_uri, args):
        super().__init__(worker_count, libtrace_uri, args)
        do(self, "init")

    def pre_connect(self, job):
        if job["domain"] == "bad.test":
            do(self, "pre")

    def talk(self, job, config):
        if job["domain"] == "bad.test" and config == 1:
            do(self, "connect")
            if self.args.how == "connect:none":
                return None
            if self.args.how == "connect:state":
                return {"sp": 7, "spdr_state": 99}
            if self.args.how == "connect:json":
                return {**connect_tcp(self.source, job, self.args.timeout), "raw": b"\xff", "nan": float("nan"), "kept": 1}
        return connect_tcp(self.source, job, self.args.timeout)

    connections = [talk, talk]

    def post_connect(self, job, rec, config):
        if job["domain"] == "bad.test":
            do(self, "post")

    def combine_flows(self, flows):
        if self.args.how == "combine:type":
            return ["fine", 7]
        do(self, "combine")
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows))]


class Configuring(SynchronizedSpider, PluggableSpider):
    name = "configuring"
    description = "What can go wrong while the host is configured"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]

    @staticmethod
    def extra_args(parser):
        parser.add_argument("--how", default="", help="what goes wrong")

    def first(self):
        do(self, "first")

    def second(self):
        do(self, "second")

    configurations = [first, second]
