"""What plugins say of connections and flows, and how the engine says it: as JSON."""
import json
import reprlib
from datetime import datetime

_MOST_DEPTH = 50  # of lists and dictionaries in each other
_NO_RECORDS = (str, bytes, bytearray, int, float, list, tuple, set)


def number_of(value, name):
    value = getattr(value, "value", value)  # of an Enum
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TypeError(f"connect() returned {name} {reprlib.repr(value)}") from None


def members_of(record):
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


def sayable(value):
    """As JSON says it. Raises TypeError, ValueError, RecursionError."""
    said = json.loads(text_of(value))
    if _is_deeper(said, _MOST_DEPTH):
        raise ValueError
    return said


def text_of(value):
    """Half a pair of surrogates, as undecodable bytes in a text are, no reader of JSON takes: it becomes `?`."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace").decode()


def _is_deeper(value, most):
    if not isinstance(value, (list, dict)):
        return False
    return most == 0 or any(_is_deeper(one, most - 1) for one in (value.values() if isinstance(value, dict) else value))


def chain_fields(seen):
    return seen_in(seen) if seen else ()


def seen_in(text):
    flow = json.loads(text)
    for name in ("pkt_first", "pkt_last"):  # not known here
        flow.pop(name, None)
    return flow


def _time(seconds):
    return str(datetime.utcfromtimestamp(seconds)) if seconds else None


def as_dictionary(number, seen, state, sp, start, stop, line, dip, fields):
    flow = seen_in(seen) if seen else {}
    flow.update((name, value) for name, value in json.loads(fields).items() if name not in flow)
    flow.setdefault("sp", sp)
    if dip:
        flow.setdefault("dip", dip)
    flow.update(observed=bool(seen), spdr_state=state, spdr_start=_time(start), spdr_stop=_time(stop), config=number, jobId=line)
    return flow
