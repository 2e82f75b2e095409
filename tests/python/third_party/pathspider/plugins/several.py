"""Of PATHspider 2: as many configurations as its options ask for, made by a method, of every kind of function."""
import functools

from pathspider.base import PluggableSpider
from pathspider.chains.basic import BasicChain
from pathspider.sync import SynchronizedSpider


def of_the_module(spider):
    spider.done.append("of the module")


def with_a_number(spider, number):
    spider.done.append(f"number {number}")


class Several(SynchronizedSpider, PluggableSpider):
    name = "several"
    description = "Configurations of every kind"
    version = "1.0"
    chains = [BasicChain]
    connect_supported = ["tcp"]
    done = []

    @classmethod
    def extra_args(cls, parser):
        parser.add_argument("--codepoint", type=int, choices=range(0, 64), default="48", metavar="[0-63]", help="(Default: 48)")

    def configurations(self):
        def closure():
            self.done.append(f"closure {self.args.codepoint}")

        return [closure, self.method, of_the_module, lambda spider: spider.done.append("lambda"), functools.partial(with_a_number, number=7),
                functools.partial(self.method)]

    def method(self):
        self.done.append("method")

    def combine_flows(self, flows):
        return [f"several.{number}.value:{what}" for number, what in enumerate(self.done)]
