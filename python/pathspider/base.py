"""What every spider has, and the constants that plugins of PATHspider 1 and 2 know.

The engine does the spidering; a spider is asked for its parts: its configurations, its connections, its
conditions. See docs/writing-a-measurement.md.
"""
import enum
import logging
import queue
import threading

from pathspider import _current
from pathspider.network import ipv4_address, ipv6_address

__version__ = "2.1.0"  # the one whose interface this is

CONN_OK = 0
CONN_FAILED = 1
CONN_TIMEOUT = 2
CONN_SKIPPED = 3
CONN_DISCARD = 4

PORT_FAILED = 0
PORT_FAILED_AGAIN = -1

QUEUE_SIZE = 1000
QUEUE_SLEEP = 0.5

SHUTDOWN_SENTINEL = "SHUTDOWN_SENTINEL"
NO_RESULT = None
NO_FLOW = None


class Conn(enum.IntEnum):
    """The states of a connection, as early plugins name them."""
    OK = CONN_OK
    FAILED = CONN_FAILED
    TIMEOUT = CONN_TIMEOUT
    SKIPPED = CONN_SKIPPED
    DISCARD = CONN_DISCARD


class Connection(dict):
    """What tcp_connect() gives: a record, which early plugins took apart by attributes."""
    _NAMES = {"client": "client", "port": "sp", "state": "spdr_state", "tstart": "spdr_start"}

    def __init__(self, client=None, port=0, state=CONN_OK, tstart=None, **more):
        super().__init__(client=client, sp=port, spdr_state=state, **more)
        if tstart is not None:
            self["spdr_start"] = tstart

    def __getattr__(self, name):
        try:
            return self[self._NAMES.get(name, name)]
        except KeyError:
            raise AttributeError(name) from None


class _OutQueue(queue.Queue):
    """Takes what a merge() of PATHspider 1 puts out, for the thread that runs it."""

    def __init__(self):
        super().__init__(QUEUE_SIZE)
        self._here = threading.local()
        self._told = False

    def put(self, item, block=True, timeout=None):
        taken = getattr(self._here, "taken", None)
        if taken is not None:
            taken.append(item)
        elif not self._told:
            self._told = True
            logging.getLogger("pathspider").warning(
                "what a plugin puts on its outqueue by itself is not written: results come from its connections")

    def collect(self, function, *arguments):
        """What `function` puts on the queue."""
        self._here.taken = []
        try:
            function(*arguments)
            return self._here.taken
        finally:
            self._here.taken = None


class Spider:
    """Base of the models; it is instantiated once a run."""

    chains = []

    def __init__(self, worker_count, libtrace_uri, args, server_mode=False):
        self.args = args
        self.worker_count = worker_count
        self.libtrace_uri = libtrace_uri
        self.server_mode = server_mode
        self.conn_timeout = getattr(args, "timeout", None)
        self.source = self._find_source(libtrace_uri)

        self.running = False
        self.stopping = False
        self.exception = None
        self.lock = threading.Lock()
        self.outqueue = _OutQueue()
        self.meta_info_lock = threading.Lock()
        self.meta_info_strings = {}
        self.meta_info_values = {}

    @staticmethod
    def _find_source(libtrace_uri):
        if not libtrace_uri.startswith("int:") or libtrace_uri == "int:all":
            return ("127.0.0.1", "::1")
        interface = libtrace_uri[len("int:"):]
        return (ipv4_address(interface), ipv6_address(interface))

    @property
    def pcs(self):
        """Within connect() and post_connect(): what pre_connect() returned for this job."""
        return _current.prepared()

    def pre_connect(self, job):
        """Once a job. Its result goes to connect() and post_connect() of those plugins that take one (`pcs`); others have
        self.pcs."""

    def connect(self, job, config):
        """One connection; returns its record, a dictionary with `sp` and `spdr_state`."""
        raise NotImplementedError("connect() of this plugin")

    def post_connect(self, job, rec, config):
        """After a connection, when its configuration was let go."""

    def create_observer(self):
        from pathspider.observer import DummyObserver, Observer
        if not self.chains:
            return DummyObserver()
        return Observer(self.libtrace_uri, chains=self.chains)

    def merge(self, flow, res):
        """A flow record (or NO_FLOW) and the record of its connection."""
        flow = {"observed": False} if flow == NO_FLOW else dict(flow, observed=True)
        flow.update((key, value) for key, value in res.items() if not key.startswith("_"))
        self.outqueue.put(flow)

    def combine_flows(self, flows):
        """The conditions of a job, from the merged flows of its connections."""

    def combine_connectivity(self, baseline, experimental=None, prefix=None):
        """PREFIX.connectivity.{works,broken,transient,offline}; with one argument {online,offline}."""
        if prefix is None:
            prefix = self.name
        if experimental is None:
            state = "online" if baseline else "offline"
        elif baseline:
            state = "works" if experimental else "broken"
        else:
            state = "transient" if experimental else "offline"
        return f"{prefix}.connectivity.{state}"

    def tcp_connect(self, job):
        """A TCP connection to the job's target, observed from its SYN on: a record whose `client` is its socket.

        It has `conn_timeout` seconds, and never longer than the run's own --timeout.
        """
        from pathspider.helpers.tcp import open_tcp
        opened = open_tcp(self.source, job, self.conn_timeout)
        return Connection(opened.client(), opened.sp, Conn(opened.state))

    def shutdown(self):
        """The engine begins and ends runs; here for plugins that call it."""

    terminate = shutdown

    def add_job(self, job):
        raise RuntimeError("jobs come from the list of the run, not from a plugin")


class PluggableSpider:
    """Marks the classes that are plugins."""

    @staticmethod
    def register_args(subparsers):
        raise NotImplementedError("Cannot register an abstract plugin")


def __getattr__(name):
    """The models, which PATHspider 1 had here."""
    if name == "SynchronizedSpider":
        from pathspider.sync import SynchronizedSpider
        return SynchronizedSpider
    if name == "SemaphoreN":
        from pathspider.sync import SemaphoreN
        return SemaphoreN
    if name == "DesynchronizedSpider":
        from pathspider.desync import DesynchronizedSpider
        return DesynchronizedSpider
    if name == "SingleSpider":
        from pathspider.single import SingleSpider
        return SingleSpider
    if name == "ForgeSpider":
        from pathspider.forge import ForgeSpider
        return ForgeSpider
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
