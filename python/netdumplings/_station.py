"""A chef at work: its lock, what it is doing, and what the kitchen knows of its handlers."""
import threading
import time

from .dumpling import DumplingDriver


class Station:
    """begin() and end() are called with the lock held; all else from any thread."""

    def __init__(self, chef):
        self.chef = chef
        self.lock = threading.Lock()
        self.meters = {driver: Meter() for driver in DumplingDriver}
        self._doing = None  # (driver, since when)
        self._named = None

    def begin(self, driver):
        self._doing = (driver, time.monotonic())

    def end(self):
        driver, since = self._doing
        self._doing = None
        self.meters[driver].add(time.monotonic() - since)

    def slow(self, limit):
        """The driver of a handler that has run for longer and was not named yet, else None."""
        doing = self._doing
        if doing is None or doing is self._named or time.monotonic() - doing[1] < limit:
            return None
        self._named = doing
        self.meters[doing[0]].blocked += 1
        return doing[0]

    def report(self, name):
        """As the hub takes it, of the handlers that were called."""
        handlers = [{"handler": f"{driver.name}_handler", **meter.figures()} for driver, meter in self.meters.items() if meter.calls]
        return {"chef": name, "set_aside": False, "handlers": handlers}


class Meter:
    """Of one handler of one chef."""

    def __init__(self):
        self.calls = self.failures = self.blocked = 0
        self.busy_seconds = self.longest_seconds = 0.0

    def add(self, seconds):
        self.calls += 1
        self.busy_seconds += seconds
        self.longest_seconds = max(self.longest_seconds, seconds)

    def figures(self):
        return {"calls": self.calls, "failures": self.failures, "blocked": self.blocked, "busy_seconds": self.busy_seconds,
                "longest_seconds": self.longest_seconds}


def reports(stations):
    """Of all; of two chefs of one name the second is `NAME 2`."""
    seen = {}
    found = []
    for station in stations:
        name = station.chef.name
        seen[name] = seen.get(name, 0) + 1
        found.append(station.report(name if seen[name] == 1 else f"{name} {seen[name]}"))
    return found
