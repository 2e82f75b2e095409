"""The names that chefs, kitchens and eaters written for netdumplings import, over spiderling's programs.

    class Lookups(netdumplings.DumplingChef):         # runs in:  nd-sniff --chef-module FILE.py
        def packet_handler(self, packet): ...

    class Printer(netdumplings.DumplingEater):        # gets what the hub sends:  Printer().run()
        async def on_dumpling(self, dumpling): ...

Chefs need only what is imported here at once. Eaters, kitchens and the hub are loaded when they are first named; eaters,
and kitchens that send to a hub, need the package `websockets` (Debian: python3-websockets).
"""
import importlib

from .dumpling import Dumpling, DumplingDriver
from .dumplingchef import DumplingChef
from .exceptions import InvalidDumpling, InvalidDumplingPayload, NetDumplingsError

__version__ = "0.5.1"  # the release of netdumplings whose names these are

__all__ = ["Dumpling", "DumplingChef", "DumplingDriver", "DumplingEater", "DumplingHub", "DumplingKitchen",
           "InvalidDumpling", "InvalidDumplingPayload", "NetDumplingsError"]

_LATER = {"DumplingEater": "dumplingeater", "DumplingHub": "dumplinghub", "DumplingKitchen": "dumplingkitchen"}


def __getattr__(name):
    if name in _LATER:
        return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    if name in _LATER.values():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, *_LATER.values()})
