"""What several parts of the package use."""
import json
import logging
import logging.config
import os
import time
import typing

from .exceptions import InvalidDumpling

#: Close codes of WebSocket connections and their reasons, as websocket.close(*...) takes them.
ND_CLOSE_MSGS = {
    "conn_cancelled": (4101, "connection cancelled"),
    "eater_full": (4102, "dumpling eater is full"),
}
HUB_HOST = "localhost"
HUB_IN_PORT = 11347
HUB_OUT_PORT = 11348
HUB_STATUS_FREQ = 5

#: For the hints of chefs written for netdumplings.
JSONSerializable = typing.Optional[typing.Union[str, int, float, bool, list, dict]]


def configure_logging(log_level=logging.INFO, config_file=None):
    """Logs in UTC: as the JSON file of $NETDUMPLINGS_LOGGING_CONFIG or `config_file` says, or to standard error."""
    config_file = os.environ.get("NETDUMPLINGS_LOGGING_CONFIG", config_file)
    if config_file is not None:
        try:
            with open(config_file, encoding="utf-8") as file:
                logging.config.dictConfig(json.load(file))
            return
        except (OSError, ValueError, TypeError, AttributeError, ImportError) as problem:
            print(f"error loading logging config: {config_file}: {problem}")
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=log_level, handlers=[handler])


def validate_dumpling(dumpling_json):
    """The dumpling as a dictionary. Raises InvalidDumpling if it is not JSON, or names no chef."""
    try:
        dumpling = json.loads(dumpling_json)
    except (TypeError, ValueError, RecursionError):
        raise InvalidDumpling("Could not interpret dumpling JSON") from None
    try:
        dumpling["metadata"]["chef"]
    except (KeyError, TypeError, IndexError):
        raise InvalidDumpling("Could not determine chef name") from None
    return dumpling
