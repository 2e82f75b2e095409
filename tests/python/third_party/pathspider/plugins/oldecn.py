"""Of PATHspider 1, as it began: jobs are lists, connections and records named tuples, merge() puts out what it made."""
import collections
import logging
import socket
import subprocess

from pathspider.base import NO_FLOW, Conn, PluggableSpider, SynchronizedSpider
from pathspider.observer import Observer, basic_count, basic_flow

SpiderRecord = collections.namedtuple("SpiderRecord", ["ip", "rport", "port", "rank", "host", "config", "connstate"])


def marks_setup(rec, ip):
    rec["marks"] = 0
    return True


def marks_count(rec, ip, rev):
    if ip.traffic_class & 3 and rev:
        rec["marks"] += 1
    return True


class OldEcn(SynchronizedSpider, PluggableSpider):
    def __init__(self, worker_count, libtrace_uri, args):
        super().__init__(worker_count=worker_count, libtrace_uri=libtrace_uri, args=args)
        self.conn_timeout = args.timeout

    def set_ecn(self, value):
        subprocess.check_call(["/sbin/sysctl", "-w", f"net.ipv4.tcp_ecn={value}"], stdout=subprocess.DEVNULL)

    def config_zero(self):
        self.set_ecn(2)

    def config_one(self):
        self.set_ecn(1)

    def pre_connect(self, job):
        return "greeting of " + job[2]

    def connect(self, job, pcs, config):
        conn = self.tcp_connect(job)
        if conn.state == Conn.OK:
            conn.client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            conn.client.recv(1)
        return conn

    def post_connect(self, job, conn, pcs, config):
        job_ip, job_port, job_host, job_rank = job
        assert pcs == "greeting of " + job_host, pcs
        try:
            conn.client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        conn.client.close()
        return SpiderRecord(job_ip, job_port, conn.port, job_rank, job_host, config, conn.state == Conn.OK)

    def create_observer(self):
        logging.getLogger("oldecn").info("Creating observer")
        return Observer(self.libtrace_uri, new_flow_chain=[basic_flow, marks_setup], ip4_chain=[basic_count, marks_count],
                        ip6_chain=[basic_count, marks_count])

    def merge(self, flow, res):
        if flow == NO_FLOW:
            flow = {"dip": res.ip, "sp": res.port, "dp": res.rport, "observed": False}
        else:
            flow["observed"] = True
        flow["rank"] = res.rank
        flow["host"] = res.host
        flow["connstate"] = res.connstate
        flow["config"] = res.config
        self.outqueue.put(flow)

    @staticmethod
    def register_args(subparsers):
        parser = subparsers.add_parser("oldecn", help="Explicit Congestion Notification, the old way")
        parser.add_argument("--timeout", default=5, type=int, help="Seconds (Default: 5)")
        parser.set_defaults(spider=OldEcn)
