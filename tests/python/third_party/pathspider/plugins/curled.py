"""Of PATHspider 2, desynchronized, by the helpers of HTTP; one of them with options of curl."""
import pycurl

from pathspider.base import CONN_OK, PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.chains.tcp import TCPChain
from pathspider.desync import DesynchronizedSpider
from pathspider.helpers.http import connect_http


class Curled(DesynchronizedSpider, PluggableSpider):
    name = "curled"
    description = "HTTP with and without options"
    version = "1.0"
    chains = [BasicChain, TCPChain]
    connect_supported = ["http"]

    def plain(self, job, config):
        return connect_http(self.source, job, self.args.timeout)

    def curl(self, job, config):
        return connect_http(self.source, job, self.args.timeout, curlopts={pycurl.HTTPHEADER: ["X-Purpose: test"]})

    connections = [plain, curl]

    def combine_flows(self, flows):
        return [f"curled.{n}.value:{flow.get('http_response_code')}" for n, flow in enumerate(flows)
                if flow["observed"] and flow["spdr_state"] == CONN_OK]
