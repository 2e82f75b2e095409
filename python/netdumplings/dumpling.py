"""A dumpling, and its JSON both ways."""
import enum
import json
import time

from .exceptions import InvalidDumpling, InvalidDumplingPayload


class DumplingDriver(enum.Enum):
    """What made the chef make a dumpling: a packet, or the poke that comes at intervals."""

    packet = 1
    interval = 2


class Dumpling:
    """What a chef has found, with who found it, where and when.

    chef           the chef that made it, or its name
    chef_name      its name
    kitchen        None, or: the kitchen object of a chef that has one; of a dumpling from JSON the kitchen's name
    driver         a DumplingDriver
    creation_time  seconds since the epoch
    payload        what JSON can say
    """

    def __init__(self, *, chef, driver=DumplingDriver.packet, creation_time=None, payload):
        self.chef = chef
        try:
            self.chef_name, self.kitchen = chef.name, chef.kitchen
        except AttributeError:
            self.chef_name, self.kitchen = chef, None
        self.driver = driver
        self.creation_time = time.time() if creation_time is None else creation_time
        self.payload = payload

    def __repr__(self):
        driver = f"DumplingDriver.{self.driver.name}" if isinstance(self.driver, DumplingDriver) else repr(self.driver)
        payload = None if self.payload is None else f"<{type(self.payload).__name__}>"
        return (f"{type(self).__name__}(chef={self.chef!r}, driver={driver}, creation_time={self.creation_time}, "
                f"payload={payload})")

    @classmethod
    def from_json(cls, json_dumpling):
        """A dumpling from its JSON. Raises InvalidDumpling, and nothing else, whatever the text is."""
        try:
            text = json_dumpling.decode() if isinstance(json_dumpling, (bytes, bytearray)) else json_dumpling
            found = _read(text)
        except (TypeError, ValueError, RecursionError) as problem:
            raise InvalidDumpling(f"Could not interpret dumpling JSON: {problem}") from None
        metadata = _member(found, "metadata", dict)
        driver = _member(metadata, "driver", str)
        if driver not in DumplingDriver.__members__:
            raise InvalidDumpling("Dumpling driver was not 'packet' or 'interval'")
        kitchen = _member(metadata, "kitchen", (str, type(None)))
        dumpling = cls(chef=_member(metadata, "chef", str), driver=DumplingDriver[driver],
                       creation_time=_member(metadata, "creation_time", (int, float)), payload=_member(found, "payload", object))
        if dumpling.payload is None:
            raise InvalidDumpling("Dumpling payload was null")
        dumpling.kitchen = kitchen
        return dumpling

    def to_json(self):
        """Its JSON, as it goes to the hub. Raises InvalidDumplingPayload if JSON cannot say the payload."""
        metadata = {"chef": self.chef_name, "kitchen": getattr(self.kitchen, "name", self.kitchen),
                    "creation_time": self.creation_time, "driver": self.driver.name}
        try:
            return _write({"metadata": metadata, "payload": self.payload})
        except (TypeError, ValueError, RecursionError) as problem:
            raise InvalidDumplingPayload(f"Could not create dumpling: {problem}") from None


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


_read = json.JSONDecoder(parse_constant=_refuse_constant).decode
_write = json.JSONEncoder(allow_nan=False).encode


def _member(parent, key, kinds):
    if not isinstance(parent, dict) or key not in parent:
        raise InvalidDumpling(f"Dumpling JSON was missing key: {key!r}")
    value = parent[key]
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not object):
        raise InvalidDumpling(f"Dumpling JSON has a {type(value).__name__} as {key!r}")
    return value
