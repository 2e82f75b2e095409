"""A kitchen in Python: packets in, chefs' dumplings out."""
import importlib
import importlib.util
import inspect
import logging
import os
import sys
import threading
import time

from . import _packets
from ._delivery import HubDelivery
from ._shared import HUB_HOST, HUB_IN_PORT
from ._station import Station, reports
from .dumpling import Dumpling, DumplingDriver
from .dumplingchef import DumplingChef
from .exceptions import InvalidDumplingPayload, NetDumplingsError

_SLOW = 1.0  # seconds after which a handler that still runs is named
_FLUSH = 5.0  # seconds at the end to deliver what waits
_LONGEST_INTERVAL = 1e8  # seconds, as for nd-sniff
_STATUS_EVERY = 5.0  # seconds between two dumplings about the kitchen's chefs


class DumplingKitchen:
    """Gives each packet to all its chefs, pokes them at intervals, and puts what they return on a queue or to a hub.

    dumpling_queue      anything with put(): gets each dumpling as JSON text. None: to the hub
    name                in every dumpling
    interface           "all", an interface, or a trace file (pcap, pcapng)
    sniffer_filter      a libpcap expression; None or "" for all packets
    chef_poke_interval  seconds; None: no pokes
    hub                 where the hub takes dumplings, if there is no queue: HOST:PORT

    A handler that fails, or whose payload JSON cannot say, is logged the first time and counted; others are not harmed. Two
    handlers of one chef never run at the same time: packets come in run()'s thread, pokes in one thread a chef (of a trace
    all in run()'s, and it is the packets' time that passes).

    To a hub it delivers in a thread, connects again when it must, and waits in bounded memory meanwhile; what found no room
    is counted in `delivery.dropped`. A trace waits for room. As nd-sniff it also tells the hub of its chefs, for the hub's
    status and metrics, unless kitchen_status is False.
    """

    kitchen_status = True

    def __init__(self, dumpling_queue=None, name="default", interface="all", sniffer_filter="tcp", chef_poke_interval=5, *,
                 hub=f"{HUB_HOST}:{HUB_IN_PORT}"):
        self.dumpling_queue = dumpling_queue
        self.name = name
        self.interface = os.fspath(interface) if isinstance(interface, os.PathLike) else interface
        self.filter = sniffer_filter
        self.chef_poke_interval = chef_poke_interval
        self.hub = hub
        self.delivery = None  # while it runs, and afterwards for its counters: what brings dumplings to the hub
        self.packet_count = 0
        self.dumpling_count = 0
        self.failure_count = 0  # handlers that raised, and payloads that JSON cannot say
        self.skipped_pokes = 0  # the chef was still busy when the next one was due
        self._stations = []
        self._stopped = threading.Event()
        self._wait_while = None  # of a trace, which can wait
        self._counting = threading.Lock()
        self._logger = logging.getLogger(__name__)

    def __repr__(self):
        return (f"{type(self).__name__}(dumpling_queue={self.dumpling_queue!r}, name={self.name!r}, "
                f"interface={self.interface!r}, sniffer_filter={self.filter!r}, "
                f"chef_poke_interval={self.chef_poke_interval!r})")

    @property
    def _chefs(self):
        return [station.chef for station in self._stations]

    def register_chef(self, chef):
        """Gives it packets and pokes from now on. Before run()."""
        self._stations.append(Station(chef))
        self._logger.debug("%s: Received chef registration from %s", self.name, chef.name)

    def run(self):
        """Blocks until stop(), Ctrl-C, or the end of a trace. Raises NetDumplingsError if there are no packets to be had."""
        if self.chef_poke_interval is not None and not 0 < self.chef_poke_interval <= _LONGEST_INTERVAL:
            raise NetDumplingsError(f"chef_poke_interval is {self.chef_poke_interval!r}: seconds above 0 and up to "
                                    f"{_LONGEST_INTERVAL:.0e}, or None for no pokes")
        self._stopped = threading.Event()  # a new one: what is left of an earlier run shall not go on
        source = _packets.open_source(self.interface, self.filter)
        try:
            if self.dumpling_queue is None:
                self.delivery = HubDelivery(self.hub, self._hello(), name=self.name)
                self.delivery.start()
            threading.Thread(target=self._watch, args=(self._stopped,), daemon=True).start()
            if source.live:
                self._cook_live(source)
            else:
                self._cook_trace(source)
        except KeyboardInterrupt:
            self._logger.warning("%s: Caught keyboard interrupt; exiting.", self.name)
        finally:
            self._stopped.set()
            source.close()
            self._close(source.lost())

    def stop(self):
        """Ends a run() that has begun. From any thread, handlers among them."""
        self._stopped.set()

    @staticmethod
    def get_chefs_in_modules(chef_modules=None):
        """What chefs there are: {module: {"import_error": False or why, "chef_classes": [name, ...], "is_py_file": bool}}

        A module is a name that can be imported, from the current folder too, or the path of a Python file.
        """
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        return {name: _look_into(name) for name in chef_modules or ()}

    def _hello(self):
        chefs = sorted(f"{type(chef).__module__}.{type(chef).__name__}" for chef in self._chefs)
        return {"kitchen_name": self.name, "interface": self.interface, "filter": self.filter or "", "chefs": chefs,
                "poke_interval": self.chef_poke_interval}

    def _cook_live(self, source):
        if self.chef_poke_interval is not None:
            for station in self._stations:
                threading.Thread(target=self._poke_chef, args=(station, self._stopped), daemon=True).start()
        source.feed(self._process_packet, self._stopped)

    def _cook_trace(self, source):
        self._wait_while = lambda: not self._stopped.is_set()
        interval, due = self.chef_poke_interval, None

        def cook(packet):
            nonlocal due
            now = float(packet.time)
            if interval is not None and (due is None or now >= due):
                self._poke_chefs()  # once, however long nothing came
                due = now + interval if due is None else due + interval * ((now - due) // interval + 1)
            self._process_packet(packet)

        source.feed(cook, self._stopped)
        if due is not None:
            self._poke_chefs()  # for what was gathered since the last

    def _process_packet(self, packet):
        self.packet_count += 1
        for station in tuple(self._stations):
            with station.lock:
                self._serve(station, DumplingDriver.packet, lambda chef=station.chef: chef.packet_handler(packet))

    def _poke_chefs(self):
        for station in tuple(self._stations):
            with station.lock:
                self._poke(station)

    def _poke(self, station):
        interval = self.chef_poke_interval
        self._serve(station, DumplingDriver.interval, lambda: station.chef.interval_handler(interval=interval))

    def _poke_chef(self, station, stopped):
        """The thread that pokes one chef: one that is busy delays no other."""
        due = time.monotonic()
        while not stopped.wait(max(0.0, due - time.monotonic())):
            with station.lock:
                if stopped.is_set():
                    return
                self._poke(station)
            due += self.chef_poke_interval
            late = int((time.monotonic() - due) // self.chef_poke_interval)
            if late > 0:
                self.skipped_pokes += late
                due += late * self.chef_poke_interval

    def _serve(self, station, driver, handler):
        """Runs one handler of one chef, whose lock is held. What goes wrong in it stays here."""
        station.begin(driver)
        try:
            payload = handler()
            if payload is not None:
                self._put_dumpling_on_queue(station.chef, payload, driver)
        except InvalidDumplingPayload as problem:
            self._failed(station, driver, "Payload of", problem)
        except (Exception, SystemExit) as problem:  # a chef must not end the kitchen by sys.exit()
            self._failed(station, driver, "Error invoking", problem)
        finally:
            station.end()

    def _failed(self, station, driver, what, problem):
        with self._counting:
            self.failure_count += 1
        station.meters[driver].failures += 1
        if station.meters[driver].failures == 1:
            self._logger.exception("%s: %s %s handler for chef %s: %s (said once; counted from now on)", self.name, what,
                                   driver.name, station.chef.name, problem)

    def _put_dumpling_on_queue(self, chef, payload, driver):
        text = Dumpling(chef=chef, payload=payload, driver=driver).to_json()
        if self.dumpling_queue is not None:
            self.dumpling_queue.put(text)
        elif self.delivery is not None:
            self.delivery.put(text, wait_while=self._wait_while)
        with self._counting:
            self.dumpling_count += 1
        chef.dumplings_sent_count += 1

    def _watch(self, stopped):
        """Names each handler that runs for too long, once. Now and then tells the hub how chefs do."""
        opened = said = time.monotonic()
        while not stopped.wait(min(_SLOW / 4, _STATUS_EVERY)):
            if time.monotonic() - said >= _STATUS_EVERY:
                said = time.monotonic()
                self._tell_status(said - opened)
            for station in tuple(self._stations):
                driver = station.slow(_SLOW)
                if driver is not None:
                    self._logger.warning("%s: The %s handler of chef %s has been running for more than %g s", self.name,
                                         driver.name, station.chef.name, _SLOW)

    def _tell_status(self, uptime):
        if self.delivery is None or not self.kitchen_status:
            return
        status = Dumpling(chef="KitchenStatusChef", driver=DumplingDriver.interval, payload={
            "uptime": uptime, "packets": self.packet_count, "malformed": 0, "dumplings": self.dumpling_count,
            "chefs": reports(tuple(self._stations))})
        status.kitchen = self
        self.delivery.put(status.to_json())

    def _close(self, lost):
        parts = [f"{self.packet_count} packets", f"{self.dumpling_count} dumplings"]
        if lost:
            parts.append(f"{lost} packets lost in capture")
        if self.failure_count:
            parts.append(f"{self.failure_count} failures of chefs")
        if self.skipped_pokes:
            parts.append(f"{self.skipped_pokes} pokes skipped")
        if self.delivery is not None:
            try:
                self.delivery.finish(_FLUSH)
            except KeyboardInterrupt:  # once more: what waits is not waited for, but counted
                self.delivery.finish(0)
            parts.append(f"{self.delivery.delivered} delivered, {self.delivery.dropped} dropped, "
                         f"{self.delivery.refused} refused, {self.delivery.waiting()} undelivered")
        self._logger.info("%s: closed: %s", self.name, ", ".join(parts))


def _look_into(name):
    found = {"import_error": False, "chef_classes": [], "is_py_file": os.path.isfile(name)}
    try:
        module = _import_file(name) if found["is_py_file"] else importlib.import_module(name)
    except (Exception, SystemExit) as problem:  # whatever a module does when it is imported
        found["import_error"] = str(problem) or type(problem).__name__
        return found
    found["chef_classes"] = [class_name for class_name, value in inspect.getmembers(module, inspect.isclass)
                             if issubclass(value, DumplingChef) and value is not DumplingChef]
    return found


def _import_file(path):
    spec = importlib.util.spec_from_file_location("chefs", path)
    if spec is None or spec.loader is None:
        raise ImportError("does not appear to be an importable Python file")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module  # dataclasses, for instance, look for their module there
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules.pop(spec.name, None)  # somebody else's may have that name
        if before is not None:
            sys.modules[spec.name] = before
    return module
