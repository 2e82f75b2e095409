"""The measurement new_plugin: does the path let a request through that comes in two segments?"""
import socket

from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.tcp import TCPChain
from pathspider.desync import DesynchronizedSpider


class NewPlugin(DesynchronizedSpider, PluggableSpider):
    name = 'new_plugin'
    description = 'Does the path let a request through that comes in two segments?'
    version = '0.1.0'
    chains = [BasicChain, TCPChain]  # that look at its packets
    connect_supported = ['http']

    # Its own options, behind its name on the command line; they are in self.args.
    @staticmethod
    def extra_args(parser):
        parser.add_argument('--at', type=int, default=4, help='Bytes of the first segment')

    # The connections: A, the baseline, and B, what is tried. Each returns a record.

    def whole(self, job, config):
        return self.ask(job, [self.request(job)])

    def split(self, job, config):
        request = self.request(job)
        return self.ask(job, [request[:self.args.at], request[self.args.at:]])

    connections = [whole, split]

    @staticmethod
    def request(job):
        return f'GET / HTTP/1.1\r\nHost: {job.get("domain") or job["dip"]}\r\nConnection: close\r\n\r\n'.encode()

    def ask(self, job, segments):
        rec = self.tcp_connect(job)  # observed from its SYN on
        with rec.pop('client') as client:
            if rec['spdr_state'] != CONN_OK:
                return rec
            try:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for segment in segments:
                    client.sendall(segment)
                rec['answer'] = client.recv(12).decode('latin-1')  # what JSON can say is in the flow's result
            except TimeoutError:
                rec['spdr_state'] = CONN_TIMEOUT
            except OSError:
                rec['spdr_state'] = CONN_FAILED
        return rec

    # What the two flows say about the path: fields of the chains, and what is in the records.
    def combine_flows(self, flows):
        if not all(flow['observed'] for flow in flows):
            return ['pathspider.not_observed']
        answered = [flow.get('answer', '').startswith('HTTP/1.') for flow in flows]
        conditions = [self.combine_connectivity(*answered)]  # new_plugin.connectivity.works, broken, transient, offline
        if flows[1]['tcp_rst_rev']:
            conditions.append('new_plugin.reset')
        return conditions
