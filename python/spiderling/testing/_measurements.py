"""A measurement in a test: connections as they are told, or a whole run over a network that is made up."""
import dataclasses
import json

import _spiderling
from pathspider import _measure, _options
from pathspider.base import CONN_OK

from spiderling.testing._network import FakeTarget
from spiderling.testing._packets import packets_of
from spiderling.testing._socket import Worker


@dataclasses.dataclass
class Told:
    """One connection, as the plugin and the observer tell of it."""
    packets: object = ()  #: of its flow: Packets, or what can be added to them; none: it was not observed
    state: int = CONN_OK
    fields: dict = dataclasses.field(default_factory=dict)  #: what else the connection's record had
    lossy: bool = False  #: the kernel dropped packets meanwhile


@dataclasses.dataclass
class TargetResult:
    """What became of one target."""
    conditions: list  #: texts, as in results
    result: dict  #: the whole result, as `spiderling measure` writes it

    @property
    def flows(self):
        """A dictionary for each connection: the chains' fields, spdr_state, sp, observed, and what its record had."""
        return self.result["flow_results"]

    def has(self, condition):
        return condition in self.conditions


class MeasurementTest:
    """A measurement, made anew for each call.

        test = MeasurementTest(Split)                    # the class, or the name that `spiderling measure` knows it by
        results = test.run({"plain": answers(), "gone": silent()})
        assert results["plain"].conditions == ["split.connectivity.works"]

    `options`: its own, as words of the command line: MeasurementTest(Split, "--at", "7"). What the plugin raises, whatever
    measurements make of it, is raised here. Raises ValueError if there is no such measurement, or option.
    """

    def __init__(self, plugin, *options):
        self._plugin = plugin
        self._options = [str(one) for one in options]

    def conditions(self, *connections):
        """From connections, one for each configuration, each a Told, through the chains, to the conditions. Nothing but
        combine_flows() of the plugin runs.

            test.conditions(Told("10.0.0.1:4000 > 10.0.0.2:80 tcp S"),
                            Told("10.0.0.1:4001 > 10.0.0.2:80 tcp SEC", state=CONN_TIMEOUT))
        """
        if not all(isinstance(one, Told) for one in connections):
            raise TypeError("connections are told of as Told(packets, ...), one for each")
        told = [(int(one.state), packets_of(one.packets), one.lossy, json.dumps(one.fields)) for one in connections]
        return self._raising(lambda plugin, _: _spiderling.told_conditions(plugin, self._options, told))

    def run(self, network, *, connect=None, setups=(), attempts=1, timeout=5.0):
        """Every target of {name: FakeTarget} measured, by the engine that `spiderling measure` has: {name: TargetResult}.

        tcp_connect() of the plugin, and helpers that connect as it does, lead into that network, and so do packets that it
        forges; sockets of its own do not, nor does TLS: these are for the lab. Configurations of the whole host are not made.
        `setups` stands for them: how sockets are set up under each, a dictionary with any of ecn, dscp, mss, fast_open ("ask"
        or "use"), timestamps, window_scale and sack_permitted. `connect`: see --connect. `timeout`: seconds that a
        connection may take; only the plugin's own code takes any.
        """
        def run(plugin, raised):
            targets = {name: _watched_target(name, target, raised) for name, target in network.items()}
            return _spiderling.run_measurement(plugin, self._options, targets, setups, connect, attempts, timeout)
        found = self._raising(run)
        return {name: TargetResult(conditions, json.loads(text)) for name, (conditions, text) in found.items()}

    def _raising(self, function):
        raised = []
        returned = function(_watched(self._plugin, raised), raised)
        if raised:
            raise raised[0]
        return returned


def _watched_target(name, target, raised):
    """The same target, whose functions leave word of what went wrong."""
    if not isinstance(name, str) or not isinstance(target, FakeTarget):
        raise TypeError(f"a network is {{name: FakeTarget}}, not {{{name!r}: {target!r}}}")

    def watch(function, otherwise, check):
        def watched(given):
            try:
                returned = function(given)
                check(given, returned)
                return returned
            except BaseException as problem:
                raised.append(problem)
                return otherwise(given)
        return watched if function is not None else None

    return dataclasses.replace(target, drops=watch(target.drops, lambda packet: False, lambda packet, lost: bool(lost)),
                               changes=watch(target.changes, bytes, _check_changed),
                               says=watch(target.says, lambda said: b"", _check_said))


def _check_changed(before, after):
    if not isinstance(after, bytes) or len(after) != len(before):
        raise TypeError(f"changes() is to return {len(before)} bytes, as many as it was given, not {after!r}")


def _check_said(_, answer):
    if not isinstance(answer, bytes):
        raise TypeError(f"says() is to return bytes, not {answer!r}")


def _watched(plugin, raised):
    """The plugin as the engine takes it; the name of a native one stays a name."""
    if isinstance(plugin, type):
        return _Plugin(_plugin_of(plugin), raised)
    try:
        _spiderling.Measurement(plugin)
        return plugin
    except ValueError:  # no native one
        found = _measure.find_plugin(plugin)
        return plugin if found is None else _Plugin(found, raised)


def _plugin_of(cls):
    if not hasattr(cls, "register_args"):
        raise TypeError(f"{cls.__name__} is no PluggableSpider")
    subparsers = _options.Subparsers()
    cls.register_args(subparsers)
    if not subparsers.added:
        raise TypeError(f"register_args() of {cls.__name__} adds no parser")
    return _measure.Plugin(cls, cls.__module__, *subparsers.added[0])


class _Plugin:
    """A plugin that leaves word of what it raises, and the host alone."""

    def __init__(self, plugin, raised):
        self._plugin, self._raised = plugin, raised

    def __getattr__(self, name):
        return getattr(self._plugin, name)

    def start(self, given, run):
        return _Run(self._plugin.start(given, {**run, "interface": "all"}), self._raised)


class _Run:
    _OF_THE_PLUGIN = {"pre_connect", "post_connect", "forged", "merge", "combine"}

    def __init__(self, run, raised):
        self._run, self._raised = run, raised

    def __getattr__(self, name):
        value = getattr(self._run, name)
        return self._watch(value) if name in self._OF_THE_PLUGIN else value

    def _watch(self, function):
        def watched(*arguments):
            try:
                return function(*arguments)
            except BaseException as problem:
                self._raised.append(problem)
                raise
        return watched

    def connect(self, native, *rest):
        return self._watch(self._run.connect)(Worker(native), *rest)

    # Nothing is turned, so nothing is put back.

    def configures(self):
        return False

    def begin(self):
        pass

    def end(self):
        return []
