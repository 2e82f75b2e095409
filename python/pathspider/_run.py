"""A plugin at work: its functions, called for the engine as each version of PATHspider called them."""
import copy
import functools
import inspect
import itertools
import logging
import reprlib

import _spiderling

from pathspider import _current, _packets
from pathspider._jobs import JobState
from pathspider._records import as_dictionary, chain_fields, members_of, number_of, sayable, seen_in, text_of
from pathspider.base import CONN_DISCARD, CONN_OK, CONN_SKIPPED, NO_FLOW, Spider
from pathspider.forge import ForgeSpider

_OF_THE_ENGINE = {"spdr_state", "sp", "sip", "dip", "client", "config", "jobId", "spdr_start", "spdr_stop", "observed"}
_MOST_PACKETS = 256  # of a job, as the engine has it
_MOST_CONDITIONS = 10_000  # of a job
_MOST_TOLD = 100  # fields left out of results, each told once: plugins may name fields by what a peer says


# --- how the functions of a plugin want to be called

def _count_of(function):
    """How many arguments a bound method takes; None: any number."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)


def _bound(function, spider, given):
    """Functions of a class's body, as lists of configurations and connections hold them, want their spider; those that a
    method made for the list may want no more than what they are `given`."""
    if hasattr(function, "__self__") or (inspect.isfunction(function) and _count_of(function) == given):
        return function
    if hasattr(function, "__get__"):
        return function.__get__(spider)
    return functools.partial(function, spider) if (_count_of(function) or 0) > given else function


def _does_nothing(function):
    """Its body is `pass`, a docstring or both."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code is not None and code.co_consts[-1] is None and code.co_code in (_nothing.__code__.co_code, _nothing_said.__code__.co_code)


def _nothing():
    pass


def _nothing_said():
    """A body that is a docstring."""


def _is_own(spider, name, *bases):
    return all(getattr(type(spider), name, None) is not getattr(base, name, None) for base in bases)


class Run:
    """A plugin at work. Its functions are called from threads of the engine."""

    def __init__(self, plugin, spider):
        self.plugin, self.spider, self.model = plugin, spider, plugin.model
        self._connect_takes = 2
        self._configurations = self._find_configurations()
        self._connections = self._find_connections()
        self._listed = self._connect_takes is not None and self._connect_takes > 2
        self._pre_connect_takes = _count_of(spider.pre_connect)
        self._post_connect_takes = _count_of(spider.post_connect)
        self._merges = _is_own(spider, "merge", Spider)
        self._jobs = {}  # line -> state, until conclude() is given it
        self._combined = {}  # line -> what combine_flows() has left of its flows
        self._records = {}  # (line, number) -> record, until merge() is given it
        self._told = set()

    # -- what it is made of

    def _find_configurations(self):
        if self.model != "sync":
            return []
        given = self.spider.configurations
        if callable(given):
            given = given()
            self.spider.configurations = given
        if given:
            return [_bound(one, self.spider, 0) for one in given]
        old = [getattr(self.spider, name, None) for name in ("config_zero", "config_one")]
        if None in old:
            raise TypeError(f"{self.plugin.name} has neither configurations nor config_zero() and config_one()")
        return old

    def _find_connections(self):
        if self.model == "forge":
            packets = self.spider.packets
            if not isinstance(packets, int) or not 0 < packets <= _MOST_PACKETS:
                raise TypeError(f"{self.plugin.name} has {reprlib.repr(packets)} packets; 1 to {_MOST_PACKETS} are possible")
            return [None] * packets
        if self.model == "desync" and self.spider.connections:
            return [_bound(one, self.spider, 2) for one in self.spider.connections]
        self._connect_takes = _count_of(self.spider.connect)
        count = {"sync": len(self._configurations), "single": 1}.get(self.model, 2)
        return [self.spider.connect] * count

    def runs(self):
        """The names of its connections."""
        if self.model == "sync":
            return [getattr(one, "__name__", f"configuration {number}") for number, one in enumerate(self._configurations)]
        if self.model == "forge":
            return [f"packet {number}" for number in range(len(self._connections))]
        names = [getattr(one, "__name__", "connect") for one in self._connections]
        return [name if names.count(name) == 1 else f"{name} {number}" for number, name in enumerate(names)]

    def configures(self):
        """Where nothing is configured, no job waits for another."""
        return self.model == "sync" and not all(map(_does_nothing, self._configurations))

    def shows_flows(self):
        return not _is_own(self.spider, "combine_flows", Spider)

    def merges(self):
        return self._merges

    def waits_before(self):
        return _is_own(self.spider, "pre_connect", Spider, ForgeSpider) or (
            self.model == "forge" and _is_own(self.spider, "setup", ForgeSpider))

    def waits_after(self):
        return _is_own(self.spider, "post_connect", Spider)

    def chains(self):
        """What the plugin's observer is made of, as Observer.chain_specs; and whether it is made of functions."""
        from pathspider.observer import described_only
        with described_only(self.spider.libtrace_uri):
            observer = self.spider.create_observer()
        if observer is None:
            raise TypeError("create_observer() returned nothing")
        return list(getattr(observer, "chain_specs", ())), bool(getattr(observer, "_functions", False))

    def protocol(self):
        """That of its forged packets: told by --connect, else by a packet for nobody."""
        mode = getattr(self.spider.args, "connect", None)
        if mode in ("tcpsyn", "tcp"):
            return _packets.TCP
        if mode == "dnsudp":
            return _packets.UDP
        job = {"dip": "192.0.2.1", "dp": 80, "domain": "www.example.org", "rank": 1}
        return _packets.transport_of(_packets.as_bytes(self.spider.forge(job, 0)))[0]

    # -- between jobs

    def configure(self, number):
        self._configurations[number]()

    # -- one job

    def new_job(self, members, dip, dp, line):
        state = JobState(members, dip, dp, line, self._listed)
        self._jobs[line] = state
        return state

    def pre_connect(self, state):
        takes = self._pre_connect_takes
        more = (state.variables,) if takes is not None and takes > 1 else ()
        state.prepared = self.spider.pre_connect(state.job, *more)

    def connect(self, native, state, number):
        """What connect() returned, as it is."""
        arguments = [state.job, number]
        takes = _count_of(self._connections[number]) if self._connect_takes is None else self._connect_takes
        if takes is not None and takes > 2:
            arguments = [state.job, state.prepared, number, state.variables][:takes]
        with _current.working(native, state.prepared):
            return self._connections[number](*arguments)

    def post_connect(self, state, connection, number):
        """(spdr_state, sp, sip, fields as JSON) of a connection that connect() returned."""
        takes = self._post_connect_takes
        arguments = [state.job, connection, number]
        if takes is not None and takes > 3:
            arguments = [state.job, connection, state.prepared, number, state.variables][:takes]
        with _current.working(None, state.prepared):
            returned = self.spider.post_connect(*arguments)
        record = returned if takes is not None and takes > 3 else connection
        if self._merges:
            self._records[state.line, number] = record
        return self._told_of(state, connection, record)

    def _told_of(self, job, connection, record):
        members = members_of(connection)
        if record is None and not isinstance(connection, dict):
            return CONN_SKIPPED, 0, "", "{}"  # NO_RESULT
        state = number_of(members.get("spdr_state", CONN_OK), "spdr_state")
        sp = number_of(members.get("sp") or 0, "sp")
        if not 0 <= sp <= 65535:
            raise ValueError(f"connect() returned sp {sp}")
        if not CONN_OK <= state <= CONN_DISCARD:
            raise ValueError(f"connect() returned a spdr_state of {state}")
        fields = {**members, **members_of(record)} if record is not None else members
        sip = fields.get("sip") or self.spider.source[1 if ":" in job.dip else 0]
        return state, sp, sip if isinstance(sip, str) else "", self._as_json(fields)

    def forged(self, line, seq, sip, sp):
        """The packet that forge() makes, between the ends that are reserved for it."""
        state = self._jobs.get(line)
        if state is None:
            raise LookupError("the job is over")
        packet = _packets.as_bytes(self.spider.forge(state.job, seq))
        return _packets.fit(packet, self.spider.source, sip, sp)

    # -- one result

    def _as_json(self, fields, of="a connection's record", not_these=_OF_THE_ENGINE):
        """What JSON cannot say is left out, and said once."""
        kept = {}
        for name, value in list(fields.items()):
            if not isinstance(name, str) or name.startswith("_") or name in not_these:
                continue
            try:
                kept[name] = sayable(value)
            except (TypeError, ValueError, RecursionError):
                self._left_out(name, of, value)
        return text_of(kept)

    def _left_out(self, name, of, value):
        if (name, of) in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add((name, of))
        log = logging.getLogger("pathspider")
        log.warning("%s: '%s' of %s is left out of results: JSON has no %s", self.plugin.name, reprlib.repr(name)[1:-1], of,
                    type(value).__name__)
        if len(self._told) == _MOST_TOLD:
            log.warning("%s: what else is left out of results is not said any more", self.plugin.name)

    def merge(self, line, number, flow):
        """Fields that merge() of PATHspider 1 gave the flow, as JSON. `flow`: as JSON, empty if there is none."""
        record = self._records.pop((line, number), None)
        if record is None:
            return "{}"
        seen = seen_in(flow) if flow else NO_FLOW
        chains_have = set(seen or ())
        merged = {}
        for one in self.spider.outqueue.collect(self.spider.merge, seen, record):
            if isinstance(one, dict):
                merged.update(one)
        return self._as_json({name: value for name, value in merged.items() if name not in chains_have})

    def combine(self, flows):
        """Conditions, from flows as the arguments of as_dictionary()."""
        line = flows[0][6]
        dictionaries = [as_dictionary(*flow) for flow in flows]
        before = [copy.deepcopy(flow) for flow in dictionaries]  # texts, of which there may be much, are not copied
        conditions = _conditions_in(self.spider.combine_flows(dictionaries))
        if line in self._jobs:  # else nobody concludes: results are compared with their packets
            self._combined[line] = [None if flow == was else {name: value for name, value in flow.items() if name not in chain_fields(told[1])}
                                for flow, was, told in zip(dictionaries, before, flows)]
        return conditions

    def conclude(self, line):
        """What the plugin has put into the job, as members of JSON; and of each flow the fields, besides those of chains, that
        combine_flows() has left in it: empty if they are as they were."""
        state = self._jobs.pop(line, None)
        combined = self._combined.pop(line, ())
        members = state.members_now(lambda changed: self._as_json(changed, "a job", _spiderling.members_of_results)) if state is not None else ""
        return members, ["" if flow is None else self._as_json(flow, "a flow") for flow in combined]


def _conditions_in(returned):
    """What combine_flows() has returned, as a list of texts; a generator runs here, and raises what it raises."""
    if returned is None:
        return []
    found = None
    if not isinstance(returned, str) and _can_be_listed(returned):
        found = list(itertools.islice(returned, _MOST_CONDITIONS + 1))
    if found is None or not all(isinstance(one, str) for one in found) or len(found) > _MOST_CONDITIONS:
        raise TypeError(f"combine_flows() is to return a list of strings, not {reprlib.repr(returned)}")
    return [str.__str__(one).encode("utf-8", "replace").decode() for one in found]


def _can_be_listed(value):
    try:
        iter(value)
        return True
    except TypeError:
        return False
