"""Of PATHspider 2: one that writes what it finds into the job and into flows, wherever it is called."""
from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.desync import DesynchronizedSpider
from pathspider.helpers.tcp import connect_tcp


class Notes(DesynchronizedSpider, PluggableSpider):
    name = "notes"
    description = "What is left in jobs and flows"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]

    def __init__(self, worker_count, libtrace_uri, args):
        super().__init__(worker_count, libtrace_uri, args)
        self.jobs = {}

    def pre_connect(self, job):
        job["before"] = {"list": [1, "zwei", None]}
        self.jobs[job["dip"]] = job

    def note(self, job, config):
        job.setdefault("configs", []).append(config)
        job["domain"] = job["domain"].upper()
        job["raw"] = b"\xff"
        job["half"] = b"a\xff".decode("ascii", "surrogateescape")
        job["_mine"] = 1
        job["conditions"] = ["of another"]
        job.pop("rank", None)
        return {**connect_tcp(self.source, job, self.args.timeout), "said": "much", "kept": 1}

    connections = [note, note]

    def post_connect(self, job, rec, config):
        job["after"] = config
        rec["late"] = True

    def combine_flows(self, flows):
        self.jobs.pop(flows[0]["dip"])["found"] = len(flows)
        del flows[0]["said"]
        flows[0]["asn"] = 64496
        flows[1]["pkt_fwd"] = "nonsense"
        return [self.combine_connectivity(all(flow["spdr_state"] == CONN_OK for flow in flows))]
