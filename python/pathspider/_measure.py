"""The engine's view of a plugin: what src/python/spider_*.cpp calls. Nothing here waits but for the plugin."""
import copy
import functools
import importlib
import inspect
import itertools
import json
import logging
import os
import pkgutil
import reprlib
from datetime import datetime

import _spiderling

from pathspider import _current, _options, _packets
from pathspider._jobs import JobState
from pathspider.base import (CONN_DISCARD, CONN_OK, CONN_SKIPPED, NO_FLOW, PluggableSpider, Spider)
from pathspider.desync import DesynchronizedSpider
from pathspider.forge import ForgeSpider
from pathspider.helpers import dns, http, tcp  # noqa: F401 (later, whoever runs this may not be allowed to read them)
from pathspider.single import SingleSpider
from pathspider.sync import SynchronizedSpider

KNOWN_MODES = ("tcp", "http", "https", "dnstcp", "dnsudp", "tcpsyn")
_OF_THE_ENGINE = {"spdr_state", "sp", "sip", "dip", "client", "config", "jobId", "spdr_start", "spdr_stop", "observed"}
_MOST_PACKETS = 256  # of a job, as the engine has it
_MOST_CONDITIONS = 10_000  # of a job
_MOST_DEPTH = 50  # of lists and dictionaries in each other
_MOST_TOLD = 100  # fields left out of results, each told once: plugins may name fields by what a peer says


# --- finding plugins

def modules():
    """Names of the modules of pathspider.plugins, wherever on the path they are."""
    package = importlib.import_module("pathspider.plugins")
    return sorted({one.name for one in pkgutil.iter_modules(package.__path__) if not (one.name.startswith("_") or _ships(one))})


def _ships(module):
    """It is one of those of the package itself, whose measurements are native."""
    if not os.path.exists(os.path.join(getattr(module.module_finder, "path", ""), "_shipped.py")):
        return False
    try:
        return bool(_spiderling.Measurement(module.name))
    except ValueError:
        return False


class Misnamed(Exception):
    """A module was named, and not its plugin."""
    _speaks_for_itself = True  # is shown as it is


def find_plugin(name):
    """The plugin of this name: of the module of the same name if it has it. None: there is none. What cannot be imported
    matters only if it may have been the one."""
    names = modules()
    failures = []
    for module in sorted(names, key=lambda one: one != name):
        try:
            found = [plugin for plugin in plugins_of(module) if plugin.name == name]
        except BaseException as problem:  # noqa: B902 (sys.exit is a plugin's failure, and no end of ours)
            if module == name:
                raise
            failures.append((module, problem))
            continue
        if found:
            return found[0]
    if name in names:
        others = ", ".join(plugin.name for plugin in plugins_of(name))
        raise Misnamed(f"its plugin is called {others}" if others else "there is no plugin in it")
    for module, problem in failures:
        logging.getLogger("pathspider").warning("pathspider.plugins.%s cannot be used: %s", module, reason(problem))
    return None


def all_plugins():
    """Every plugin, and (module, reason) of what cannot be used."""
    found, problems = [], []
    for module in modules():
        try:
            found += plugins_of(module)
        except BaseException as problem:  # noqa: B902
            problems.append((module, reason(problem)))
    return found, problems


def plugins_of(module):
    loaded = importlib.import_module(f"pathspider.plugins.{module}")
    plugins = []
    for cls in dict.fromkeys(one for one in vars(loaded).values() if isinstance(one, type)):
        is_own = cls.__module__ == loaded.__name__ or cls.__module__.startswith(loaded.__name__ + ".")  # of a package's module
        if not (is_own and issubclass(cls, PluggableSpider)):
            continue
        subparsers = _options.Subparsers()
        cls.register_args(subparsers)
        plugins += [Plugin(cls, loaded.__name__, *added) for added in subparsers.added]
    return plugins


def reason(problem):
    text = str(problem)
    if isinstance(problem, ImportError) and text:
        return text
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


# --- one plugin

class Plugin:
    """A plugin as its command line knows it."""

    def __init__(self, cls, module, name, meaning, parser):
        self.cls = parser.get_default("spider") or cls
        if not _options.is_word(name):
            raise TypeError(f"the name of a plugin is a word, not {reprlib.repr(name)}")
        self.module, self.name, self.description, self.parser = module, name, str(meaning or ""), parser
        self.version = str(getattr(self.cls, "version", "") or "1")
        self.options = _options.options_of(parser)
        unusable = _options.positionals(parser)
        if unusable:
            raise TypeError(f"{name} takes arguments without a name, which `measure` cannot give: {', '.join(unusable)}")
        if not issubclass(self.cls, (SynchronizedSpider, DesynchronizedSpider)):
            raise TypeError(f"{self.cls.__name__} is of none of the models")
        if hasattr(self.cls, "_native"):
            raise TypeError(f"{self.cls.__name__} derives from a plugin that ships, which is native: its combine_flows() can be "
                            "called, but it makes no connections in Python")

    @property
    def model(self):
        for model, base in (("forge", ForgeSpider), ("single", SingleSpider), ("desync", DesynchronizedSpider)):
            if issubclass(self.cls, base):
                return model
        return "sync"

    @property
    def modes(self):
        """What --connect takes, if the engine knows all of it."""
        modes = tuple(getattr(self.cls, "connect_supported", None) or ())
        return modes if all(mode in KNOWN_MODES for mode in modes) else ()

    def start(self, given, run):
        """The run of this plugin; `given`: the values of its options. Raises what the plugin raises."""
        _current.user_agent = run["user_agent"] or _current.user_agent
        try:
            args = _options.parse(self.parser, self.options, given)
        except _options.BadOptions as problem:
            raise _options.BadOptions(f"{self.name}: {problem}") from None
        timeout = run["timeout"]
        args.timeout = int(timeout) if timeout == int(timeout) else timeout
        if getattr(self.cls, "connect_supported", None) and self.modes:
            args.connect = run["mode"]
        for name, value in (("interface", run["interface"]), ("workers", run["workers"]), ("spider", self.cls), ("verbose", False),
                            ("csv_input", False), ("output_flows", False), ("trace", False), ("server_mode", False),
                            ("input", "/dev/stdin"), ("output", "/dev/stdout")):
            if not hasattr(args, name):
                setattr(args, name, value)
        spider = self.cls(run["workers"], f"int:{run['interface']}", args)
        if spider.conn_timeout is None:
            spider.conn_timeout = args.timeout
        if not hasattr(spider, "name"):
            spider.name = self.name
        return Run(self, spider)


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
        members = _members_of(connection)
        if record is None and not isinstance(connection, dict):
            return CONN_SKIPPED, 0, "", "{}"  # NO_RESULT
        state = _number_of(members.get("spdr_state", CONN_OK), "spdr_state")
        sp = _number_of(members.get("sp") or 0, "sp")
        if not 0 <= sp <= 65535:
            raise ValueError(f"connect() returned sp {sp}")
        if not CONN_OK <= state <= CONN_DISCARD:
            raise ValueError(f"connect() returned a spdr_state of {state}")
        fields = {**members, **_members_of(record)} if record is not None else members
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
                kept[name] = _sayable(value)
            except (TypeError, ValueError, RecursionError):
                self._left_out(name, of, value)
        return _text(kept)

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
        seen = _seen(flow) if flow else NO_FLOW
        chains_have = set(seen or ())
        merged = {}
        for one in self.spider.outqueue.collect(self.spider.merge, seen, record):
            if isinstance(one, dict):
                merged.update(one)
        return self._as_json({name: value for name, value in merged.items() if name not in chains_have})

    def combine(self, flows):
        """Conditions, from flows as the arguments of _as_dictionary()."""
        line = flows[0][6]
        dictionaries = [_as_dictionary(*flow) for flow in flows]
        before = [copy.deepcopy(flow) for flow in dictionaries]  # texts, of which there may be much, are not copied
        conditions = _conditions_in(self.spider.combine_flows(dictionaries))
        if line in self._jobs:  # else nobody concludes: results are compared with their packets
            self._combined[line] = [None if flow == was else {name: value for name, value in flow.items() if name not in _chain_fields(told[1])}
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


_NO_RECORDS = (str, bytes, bytearray, int, float, list, tuple, set)


def _number_of(value, name):
    value = getattr(value, "value", value)  # of an Enum
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TypeError(f"connect() returned {name} {reprlib.repr(value)}") from None


def _members_of(record):
    if isinstance(record, dict):
        return record
    if record is None:
        raise TypeError("connect() returned nothing")
    names = getattr(record, "_fields", None)
    if not names and (isinstance(record, (type, *_NO_RECORDS)) or not hasattr(record, "__dict__")):
        raise TypeError(f"connect() returned {type(record).__name__}, where a dictionary is wanted")
    members = {name: getattr(record, name) for name in names} if names else dict(vars(record))
    for old, new in (("state", "spdr_state"), ("port", "sp"), ("sport", "sp"), ("rport", "dp"), ("ip", "dip"), ("tstart", "spdr_start")):
        if old in members:
            members.setdefault(new, members.pop(old))
    return members


def _sayable(value):
    """As JSON says it. Raises TypeError, ValueError, RecursionError."""
    said = json.loads(_text(value))
    if _is_deeper(said, _MOST_DEPTH):
        raise ValueError
    return said


def _text(value):
    """Half a pair of surrogates, as undecodable bytes in a text are, no reader of JSON takes: it becomes `?`."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace").decode()


def _is_deeper(value, most):
    if not isinstance(value, (list, dict)):
        return False
    return most == 0 or any(_is_deeper(one, most - 1) for one in (value.values() if isinstance(value, dict) else value))


def _chain_fields(seen):
    return _seen(seen) if seen else ()


def _seen(text):
    flow = json.loads(text)
    for name in ("pkt_first", "pkt_last"):  # not known here
        flow.pop(name, None)
    return flow


def _time(seconds):
    return str(datetime.utcfromtimestamp(seconds)) if seconds else None


def _as_dictionary(number, seen, state, sp, start, stop, line, dip, fields):
    flow = _seen(seen) if seen else {}
    flow.update((name, value) for name, value in json.loads(fields).items() if name not in flow)
    flow.setdefault("sp", sp)
    if dip:
        flow.setdefault("dip", dip)
    flow.update(observed=bool(seen), spdr_state=state, spdr_start=_time(start), spdr_stop=_time(stop), config=number, jobId=line)
    return flow
