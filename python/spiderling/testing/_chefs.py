"""A chef in a test: packets in, the payloads of its dumplings out."""
import ctypes
import dataclasses
import json
import threading

import _spiderling
from netdumplings import DumplingChef

from spiderling.testing._packets import packets_of

_HANDLERS = ("packet_handler", "interval_handler")


@dataclasses.dataclass
class Dumpling:
    """What a chef handed on."""
    payload: object
    driver: str  #: "packet" or "interval": whose handler returned it
    creation_time: float  #: seconds since the epoch, of the packets' time


@dataclasses.dataclass
class ChefRun:
    """What came of the packets."""
    dumplings: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)  #: what its handlers raised
    unsayable: list = dataclasses.field(default_factory=list)  #: why payloads are no dumplings: JSON cannot say them

    _handling: set = dataclasses.field(default_factory=set, repr=False, compare=False)  # threads that are in a handler

    def _interrupt(self):
        """Ends handlers that still compute; those that wait outside of Python stay."""
        for thread in tuple(self._handling):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))

    def of_packets(self):
        """The payloads of the packet handler, in order."""
        return [one.payload for one in self.dumplings if one.driver == "packet"]

    def of_intervals(self):
        """The payloads of the interval handler, in order."""
        return [one.payload for one in self.dumplings if one.driver == "interval"]


def run_chef(chef, packets, *, kitchen="kitchen", poke_interval=5.0):
    """Gives these packets to a chef in a kitchen of its own, as `nd-sniff -i TRACE` does.

        run = run_chef(Lookups, "10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:example.org")
        assert not run.failures and not run.unsayable
        assert run.of_packets() == [{"lookup": "example.org."}]

    `chef` is a class, or the name of a native chef that ships; its object is made anew. `packets`: Packets, or what can be
    added to them. Pokes come every `poke_interval` seconds of the packets' time: the first with the first packet, the last
    after the last packet. Raises RuntimeError if the chef cannot be made, or a handler does not come back.
    """
    run = ChefRun()
    taken_on = _watched(chef, run) if isinstance(chef, type) else chef
    lines, failures, unsayable, _, left_behind = _spiderling.run_chef(taken_on, DumplingChef, packets_of(packets), kitchen,
                                                                      poke_interval)
    if left_behind:
        run._interrupt()
        raise RuntimeError(f"{_name(chef)}: a handler does not come back; {left_behind} packets and pokes were left behind")
    for line in filter(None, lines.split("\n")):
        dumpling = json.loads(line)
        about = dumpling["metadata"]
        run.dumplings.append(Dumpling(dumpling["payload"], about["driver"], about["creation_time"]))
    # Handlers that a chef's object has, and not its class, are not watched.
    run.failures += [RuntimeError("a handler has raised, see the log")] * (failures - len(run.failures))
    run.unsayable += ["see the log"] * (unsayable - len(run.unsayable))
    return run


def _name(chef):
    return getattr(chef, "__name__", chef)


def _watched(chef, run):
    """The same chef, whose handlers leave word of what went wrong."""
    if not issubclass(chef, DumplingChef):
        raise TypeError(f"{_name(chef)} does not derive from netdumplings.DumplingChef")
    own = [name for name in _HANDLERS if getattr(chef, name) is not getattr(DumplingChef, name)]
    return type(chef)(chef.__name__, (chef,), {
        "__module__": chef.__module__, "__qualname__": chef.__qualname__, "__doc__": chef.__doc__,
        **{name: _watch(getattr(chef, name), name, run) for name in own}})


def _watch(handler, name, run):
    def watched(*arguments, **named):
        thread = threading.get_ident()
        run._handling.add(thread)
        try:
            payload = handler(*arguments, **named)
        except BaseException as problem:
            run.failures.append(problem)
            raise
        finally:
            run._handling.discard(thread)
        problem = _spiderling.payload_problem(payload)
        if problem:
            run.unsayable.append(f"{name}: {problem}")
        return payload
    return watched
