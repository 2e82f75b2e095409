"""One plugin for each thing that can go wrong; --how says which."""
import itertools
import os
import re
import socket
import struct
import sys
import threading
import time

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.base import Chain
from pathspider.chains.basic import BasicChain
from pathspider.desync import DesynchronizedSpider
from pathspider.helpers.tcp import connect_tcp
from pathspider.forge import ForgeSpider
from pathspider.single import SingleSpider
from pathspider.sync import SynchronizedSpider


# What connect() returns instead of a record.
GARBAGE = {"text": "ok", "number": 7, "list": [1], "bytes": b"sp", "pairs": [("sp", 7), ("spdr_state", 0)], "class": object,
           "sp": {"sp": "many", "spdr_state": CONN_OK}, "negative": {"sp": -1, "spdr_state": CONN_OK}, "nostate": {"sp": 7, "spdr_state": "fine"},
           "keys": {"spdr_state": CONN_OK, "sp": 7, 3: 4, None: 1, b"k": 2}, "sip": {"sp": 7, "spdr_state": CONN_OK, "sip": ["x"]}}
# What combine_flows() returns instead of conditions.
CONDITIONS = {"type": ["fine", 7], "number": 7, "text": "fine", "bytes": [b"fine"], "true": True, "flows": [{"a": 1}], "blank": ["", ":", "a:", ":b"],
              "half": ["\udcff"], "line": ["a\nb\0c"], "tuple": ("a.b.c",), "dictionary": {"a.b.c": 1}, "long": ["a." * 10000 + "b"]}


class Endless(str):
    """A text, and more than that."""

    def __str__(self):
        raise ValueError("no text")


def do(self, where):
    how = self.args.how if not os.path.exists("/run/calm") else ""  # for runs that go on, with the same options
    if how == where + ":raise":
        raise KeyError("of " + where)
    if how == where + ":exit":
        sys.exit(3)
    if how == where + ":interrupt":
        raise KeyboardInterrupt
    if how == where + ":hang":
        time.sleep(3600)
    if how == where + ":c":  # keeps the interpreter's lock for ever
        re.match(r"(a+)+$", "a" * 60 + "b")
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
            what = self.args.how.partition("connect:")[2]
            if what in GARBAGE:
                return GARBAGE[what]
            if what == "deep":
                deep = []
                for _ in range(5000):
                    deep = [deep]
                return {**connect_tcp(self.source, job, self.args.timeout), "deep": deep, "kept": 1}
            if what == "thread":
                threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()
                threading.Thread(target=do, args=(self, "init"), daemon=True).start()
            if self.args.how == "connect:none":
                return None
            if self.args.how == "connect:state":
                return {"sp": 7, "spdr_state": 99}
            if self.args.how == "connect:json":
                return {**connect_tcp(self.source, job, self.args.timeout), "raw": b"\xff", "nan": float("nan"), "kept": 1}
        return {**connect_tcp(self.source, job, self.args.timeout), "bad": job["domain"] == "bad.test"}

    connections = [talk, talk]

    def post_connect(self, job, rec, config):
        if job["domain"] == "bad.test":
            do(self, "post")

    def combine_flows(self, flows):
        if any(flow.get("bad") for flow in flows):
            do(self, "combine")
            what = self.args.how.partition("combine:")[2]
            if what in CONDITIONS:
                return CONDITIONS[what]
            if what == "endless":
                return (f"a.value:{number}" for number in itertools.count())
            if what == "class":
                return [Endless("a.b.c")]
        return [self.combine_connectivity(*(flow["spdr_state"] == CONN_OK for flow in flows))]


class Sleeping(Chain):
    """A chain that does not come back"""
    fields = {"sleeping": "whether it slept"}

    def new_flow(self, rec, ip):
        rec["sleeping"] = False
        return True

    def tcp(self, rec, tcp, rev):
        if tcp.dst_port == 81:
            time.sleep(3600)
        return True


class Watching(SingleSpider, PluggableSpider):
    name = "watching"
    description = "What can go wrong while flows are observed"
    version = "1.0"
    chains = [BasicChain, Sleeping]
    connect_supported = ["tcp"]

    def combine_flows(self, flows):
        return [self.combine_connectivity(flows[0]["observed"])]


class Forging(ForgeSpider, PluggableSpider):
    name = "forging"
    description = "What can go wrong while packets are forged"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["dnsudp"]
    packets = 1

    @staticmethod
    def extra_args(parser):
        parser.add_argument("--how", default="", help="what goes wrong")

    def forge(self, job, seq):
        if job["domain"] == "bad.test":
            do(self, "forge")
        if self.args.how == "forge:none":
            return None
        if self.args.how == "forge:text":
            return "a packet"
        if self.args.how == "forge:short":
            return b"\x45"
        # IPv4 and UDP without checksums: the engine and the kernel know the rest
        return (bytes([0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0]) + socket.inet_aton(self.source[0]) + socket.inet_aton(job["dip"])
                + struct.pack("!4H", 1, job["dp"], 9, 0) + b"?")

    def combine_flows(self, flows):
        return [self.combine_connectivity(flows[0]["observed"])]


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
