"""What the plugins that ship have in common. They are native: what they say of themselves, and what they conclude from
flows, is asked of the engine."""
import importlib

import _spiderling

from pathspider.chains.base import Chain


def _chain(name):
    """The class of pathspider.chains, or the name, which an Observer takes too, of a chain that has none."""
    try:
        classes = vars(importlib.import_module("pathspider.chains." + name)).values()
    except ModuleNotFoundError:
        return name
    return next(one for one in classes if isinstance(one, type) and issubclass(one, Chain) and vars(one).get("_native") == name)


class ShippedSpider:
    """A native measurement, as its PATHspider class: name, chains, connect_supported, options, combine_flows().

    For its combiner alone it needs no arguments: ECN().combine_flows(flows). Its connections are made by the command,
    `spiderling measure NAME`, and not from Python.
    """

    def __init_subclass__(cls, native=None, **more):
        super().__init_subclass__(**more)
        if native is None:
            return
        known = _spiderling.Measurement(native)
        cls._native = cls.name = native
        cls.description, cls.version = known.description, known.version
        cls.chains = [_chain(name) for name in known.chains]
        cls.connect_supported = list(known.connect_supported)
        cls.condition_meanings = dict(known.conditions)

    def __init__(self, worker_count=1, libtrace_uri="int:all", args=None, server_mode=False):
        super().__init__(worker_count, libtrace_uri, args, server_mode)
        given = {name: getattr(args, name.replace("-", "_"), None) for name, *_ in _spiderling.Measurement(self._native).options}
        self._measurement = _spiderling.Measurement(
            self._native, {name: value for name, value in given.items() if value is not None})

    @classmethod
    def extra_args(cls, parser):
        for name, kind, default, meaning in _spiderling.Measurement(cls._native).options:
            if kind == "flag":
                parser.add_argument("--" + name, action="store_true", help=meaning)
                continue
            many = kind in ("numbers", "texts")
            parser.add_argument("--" + name, action="append" if many else "store", help=f"{meaning} (default: {default})",
                                type=int if kind.startswith("number") else str)

    def combine_flows(self, flows):
        """The conditions of one job, as `measure` draws them from the same flows, dictionaries in the order of the job's
        connections, as results have them with --output-flows. KeyError: one has no `observed` or `spdr_state`.

        What only the run knows is not there: pathspider.missed_flows:N.
        """
        return self._measurement.combine(flows)

    def _is_native(self, *_):
        raise NotImplementedError(f"connections of {self.name} are not made from Python: `spiderling measure {self._native}` makes them")

    connect = forge = configurations = connections = _is_native
