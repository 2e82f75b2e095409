"""Connections to a hub, with whatever version of the package `websockets` there is, from 10 on."""
import asyncio
import contextlib
import inspect
import os
import socket
import ssl

from .exceptions import NetDumplingsError

MAX_MESSAGE = 16 << 20  # bytes; what our other eaters take, too
MAX_WAITING = 16  # messages that have come and that nobody has read; then the hub has to wait
CONNECT_TIMEOUT = 10  # seconds
CLOSE_TIMEOUT = 2  # for the hub's answer to our close frame
PING_EVERY = 20
DEAD_AFTER = 40  # seconds without a sign from the hub's machine


class NoHub(NetDumplingsError):
    """No connection came about; one line with the reason."""


def uri_of(hub):
    """`HOST:PORT` means ws://; ws:// and wss:// may be said."""
    return hub if hub.startswith(("ws://", "wss://")) else f"ws://{hub}"


def package():
    try:
        import websockets
        import websockets.exceptions
    except ImportError:
        raise NetDumplingsError("needs the package websockets: apt install python3-websockets, or pip install websockets") from None
    return websockets


def is_open(websocket):
    return websocket.state.name == "OPEN"


def token_from_environment():
    """What the hub wants to see, from the file that $SPIDERLING_TOKEN_FILE names; None if it names none."""
    path = os.environ.get("SPIDERLING_TOKEN_FILE")
    if not path:
        return None
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError) as problem:
        raise NoHub(f"SPIDERLING_TOKEN_FILE: {problem}") from None


async def connect(uri, token=None, ca_file=None):
    """An open connection, or NoHub. What is not given is taken from $SPIDERLING_TOKEN_FILE and $SPIDERLING_CA_FILE."""
    websockets = package()
    token = token or token_from_environment()
    known = inspect.signature(websockets.connect.__init__).parameters
    options = {"max_size": MAX_MESSAGE, "max_queue": MAX_WAITING, "open_timeout": CONNECT_TIMEOUT, "close_timeout": CLOSE_TIMEOUT,
               "compression": None,
               # A handler that blocks cannot answer: its hub is not gone. The kernel tells whether that is (below).
               "ping_interval": PING_EVERY, "ping_timeout": None}
    if "proxy" in known:
        options["proxy"] = None
    if token:
        headers = "additional_headers" if "additional_headers" in known else "extra_headers"
        options[headers] = {"Authorization": f"Bearer {token}"}
    try:
        if uri.startswith("wss://"):
            options["ssl"] = ssl.create_default_context(cafile=ca_file or os.environ.get("SPIDERLING_CA_FILE"))
        websocket = await websockets.connect(uri, **options)
    except (asyncio.TimeoutError, TimeoutError):
        raise NoHub(f"no answer from {uri} within {CONNECT_TIMEOUT} s") from None
    except (OSError, ValueError, EOFError, websockets.exceptions.WebSocketException) as problem:
        raise NoHub(str(problem) or type(problem).__name__) from problem
    _watch(websocket)
    return websocket


async def close(websocket, code=1000, reason=""):
    """Reads on meanwhile: a hub that is busy sending would else not come to our close frame. It has not long to answer."""
    reader = asyncio.ensure_future(discard(websocket))
    try:
        await asyncio.wait_for(websocket.close(code, reason), CLOSE_TIMEOUT)
    except (asyncio.TimeoutError, TimeoutError):
        websocket.transport.abort()
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def discard(websocket):
    """Reads what comes, for nobody, until the connection ends."""
    with contextlib.suppress(package().exceptions.WebSocketException):
        while True:
            await websocket.recv()


def _watch(websocket):
    """Has the kernel end a connection whose peer has not confirmed what was sent, pings among it, for so long."""
    its_socket = websocket.transport.get_extra_info("socket")
    if its_socket is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):  # closed already: then who reads next will be told
            its_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER * 1000)


def end_loop(loop):
    """Ends what still runs on an event loop that has stopped, and the loop."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
