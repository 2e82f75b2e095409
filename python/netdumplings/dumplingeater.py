"""The class that eaters derive from."""
import asyncio
import contextlib
import json
import logging
import signal
import threading
import warnings

from . import _websocket
from ._shared import HUB_HOST, HUB_OUT_PORT, ND_CLOSE_MSGS
from .dumpling import Dumpling
from .exceptions import InvalidDumpling

_MOST_NAMES, _LONGEST_NAMES = 256, 8192  # of chefs, and the characters of them all, that a hub takes in a hello


class DumplingEater:
    """Connects to a hub and gives every dumpling that comes to its handlers.

    They are coroutines: methods of a derived class, or functions given by keyword.

        on_connect(hub_uri, websocket)   the connection is there
        on_dumpling(dumpling)            a Dumpling came
        on_connection_lost(e)            the hub has ended the connection, or is gone

    name         for the hub's status; ideally unique
    hub          where the hub gives dumplings: HOST:PORT, or wss://HOST:PORT with TLS
    chef_filter  names of the chefs whose dumplings it wants; None: all, the hub's own SystemStatusChef among them. The hub
                 is asked to send no others, unless they are too many to ask for, or a text, which has names as its parts

    While a handler runs no more is read; what comes meanwhile waits at the hub, whose policy for slow eaters rules.
    """

    #: What the hub wants to see, if it wants any; None: the contents of the file that $SPIDERLING_TOKEN_FILE names.
    token = None
    #: PEM file of the authorities to trust for wss://; None: $SPIDERLING_CA_FILE, or the system's.
    ca_file = None

    def __init__(self, name="nameless_eater", hub=f"{HUB_HOST}:{HUB_OUT_PORT}", *, chef_filter=None, on_connect=None,
                 on_dumpling=None, on_connection_lost=None):
        self.name = name
        self.hub = hub
        self.hub_ws = _websocket.uri_of(hub)
        self.chef_filter = chef_filter
        if on_connect is not None:
            self.on_connect = on_connect
        if on_dumpling is not None:
            self.on_dumpling = on_dumpling
        if on_connection_lost is not None:
            self.on_connection_lost = on_connection_lost
        self._cancelled = False
        self.invalid_dumplings = 0  # messages that were no dumplings, and were skipped
        self.logger = logging.getLogger(f"{__name__}.{self.name}")

    def __repr__(self):
        def handler(value):
            return f"<callable: {getattr(value, '__name__', type(value).__name__)}>" if callable(value) else repr(value)

        return (f"{type(self).__name__}(name={self.name!r}, hub={self.hub!r}, chef_filter={self.chef_filter!r}, "
                f"on_connect={handler(self.on_connect)}, on_dumpling={handler(self.on_dumpling)}, "
                f"on_connection_lost={handler(self.on_connection_lost)})")

    def run(self, dumpling_count=None):
        """Eats until the connection is lost, SIGINT or SIGTERM comes, or so many dumplings are eaten.

        The connection is then closed with code 4101 (told to stop) or 4102 (has had enough). What a handler raises ends it
        and is raised here. It may be called again, and from any thread; signals are taken only in the main one.
        """
        self.logger.info("%s: Running dumpling eater", self.name)
        if not callable(self.on_dumpling):
            self.logger.error("%s: on_dumpling handler is not callable", self.name)
            return
        loop = _loop_of_this_thread()
        task = loop.create_task(self._grab_dumplings(dumpling_count))
        self._cancelled = False

        def cancel():
            self._cancelled = True  # before Python 3.12 wait_for(), which connecting uses, may lose a cancellation
            task.cancel()

        try:
            with _called_by_signals(loop, cancel):
                _run_until_done(loop, task)
            self.logger.info("%s: Done eating dumplings.", self.name)
        except asyncio.CancelledError:
            self.logger.warning("%s: Stopped", self.name)
        except _websocket.NoHub as problem:
            self.logger.warning("%s: There was a problem with the dumpling hub connection. Is nd-hub available?", self.name)
            self.logger.warning("%s: %s", self.name, problem)
        finally:
            _websocket.end_loop(loop)

    async def _grab_dumplings(self, dumpling_count=None):
        websocket = await _websocket.connect(self.hub_ws, self.token, self.ca_file)
        self.logger.info("%s: Connected to dumpling hub at %s", self.name, self.hub_ws)
        closed = _websocket.package().exceptions.ConnectionClosed
        try:
            await websocket.send(json.dumps(self._hello()))
            if self.on_connect:
                await self.on_connect(self.hub_ws, websocket)
            await self._eat(websocket, dumpling_count)
            await _websocket.close(websocket, *ND_CLOSE_MSGS["eater_full"])
        except asyncio.CancelledError:
            self.logger.warning("%s: Connection to dumpling hub cancelled; closing...", self.name)
            await _websocket.close(websocket, *ND_CLOSE_MSGS["conn_cancelled"])
        except closed as problem:
            if _websocket.is_open(websocket):  # a handler's own connection
                await _websocket.close(websocket)
                raise
            self.logger.warning("%s: Lost connection to dumpling hub: %s", self.name, problem)
            if self.on_connection_lost:
                await self.on_connection_lost(problem)
        except BaseException:
            await _websocket.close(websocket)
            raise

    def _hello(self):
        hello = {"eater_name": self.name}
        if isinstance(self.chef_filter, (list, tuple, set, frozenset, dict)):  # of others only `in` is known
            names = [name for name in self.chef_filter if isinstance(name, str)]
            if len(names) <= _MOST_NAMES and len(json.dumps(names)) <= _LONGEST_NAMES:
                hello["chefs"] = names
        return hello

    async def _eat(self, websocket, dumpling_count):
        eaten = 0
        while dumpling_count is None or eaten < dumpling_count:
            if self._cancelled:
                raise asyncio.CancelledError
            message = await websocket.recv()
            try:
                dumpling = Dumpling.from_json(message)
            except InvalidDumpling as problem:
                self._skip(problem)
                continue
            if self.chef_filter is None or dumpling.chef_name in self.chef_filter:
                eaten += 1
                await self.on_dumpling(dumpling)

    def _skip(self, problem):
        """Says it the first time, the 10th, the 100th, ...: a hub must not be able to fill a disk with our log."""
        self.invalid_dumplings += 1
        if str(self.invalid_dumplings).strip("0") == "1":
            self.logger.error("%s: Invalid dumpling, number %d: %s", self.name, self.invalid_dumplings, problem)

    async def on_connect(self, hub_uri, websocket):
        """Unless overridden or given: a warning in the log."""
        self.logger.warning("%s: No on_connect handler specified; ignoring connection.", self.name)

    async def on_dumpling(self, dumpling):
        """Unless overridden or given: a warning in the log."""
        self.logger.warning("%s: No on_dumpling handler specified; ignoring dumpling.", self.name)

    async def on_connection_lost(self, e):
        """Unless overridden or given: a warning in the log."""
        self.logger.warning("%s: No on_connection_lost handler specified; ignoring connection loss.", self.name)


def _loop_of_this_thread():
    """The event loop that the caller may have prepared, or a new one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("run() blocks, and an event loop runs in this thread already: call it in a thread of its own, "
                           "as `await loop.run_in_executor(None, eater.run)` does")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there may be none is what is asked here
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            loop = None
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def _run_until_done(loop, task):
    try:
        loop.run_until_complete(task)
    except KeyboardInterrupt:  # where SIGINT could not be taken over
        task.cancel()
        loop.run_until_complete(task)


@contextlib.contextmanager
def _called_by_signals(loop, cancel):
    """SIGINT and SIGTERM call cancel(); afterwards they do what they did before."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            try:
                loop.add_signal_handler(number, cancel)
            except (NotImplementedError, RuntimeError):
                continue  # no such thing on this loop
            before[number] = handler
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:
                signal.signal(number, handler)
