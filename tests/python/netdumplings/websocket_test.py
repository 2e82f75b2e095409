"""What is asked of the package websockets, of its API of before version 14 and of the one since."""
import asyncio
import contextlib
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

from netdumplings import _websocket


class Connection:
    def __init__(self, name="OPEN"):
        self.state = types.SimpleNamespace(name=name)
        self.transport = types.SimpleNamespace(get_extra_info=lambda _: None)


class Api:
    """Stands for the package: keeps what connect() was given; `problem` is what it raises."""

    problem = None

    def __init__(self, *names):
        self.asked = asked = []
        api = self

        def init(self, uri, **options):
            asked.append((uri, options))

        async def come_about():
            if api.problem is not None:
                raise api.problem
            return Connection()

        parameters = ", ".join(f"{name}=None" for name in names)
        scope = {"init": init}
        exec(f"def __init__(self, uri, *, {parameters}, **more): init(self, uri, "  # its names are what is looked at
             f"{', '.join(f'{name}={name}' for name in names)}, **more)", scope)
        connect = type("connect", (), {"__init__": scope["__init__"], "__await__": lambda self: come_about().__await__()})
        exceptions = types.ModuleType("websockets.exceptions")
        exceptions.WebSocketException = type("WebSocketException", (Exception,), {})
        self.module = types.ModuleType("websockets")
        self.module.connect, self.module.exceptions = connect, exceptions
        self.modules = {"websockets": self.module, "websockets.exceptions": exceptions}

    @contextlib.contextmanager
    def installed(self):
        with mock.patch.dict(sys.modules, self.modules):
            yield self


OLD = ("extra_headers", "max_size", "ssl")
NEW = ("additional_headers", "proxy", "max_size", "ssl")


class Connects(unittest.TestCase):
    def options(self, api, uri="ws://h:1", **more):
        with api.installed():
            self.assertTrue(_websocket.is_open(asyncio.run(_websocket.connect(uri, **more))))
        return {name: value for name, value in api.asked[0][1].items() if value is not None}

    def test_both_apis(self):
        old = self.options(Api(*OLD), token="t")
        new = self.options(Api(*NEW), token="t")
        self.assertEqual(old.pop("extra_headers"), {"Authorization": "Bearer t"})
        self.assertEqual(new.pop("additional_headers"), {"Authorization": "Bearer t"})
        self.assertEqual(old, new)
        self.assertEqual(old["max_size"], 16 << 20)
        self.assertNotIn("ssl", old)

    def test_no_proxy_of_the_environment(self):
        api = Api(*NEW)
        self.options(api)
        self.assertIn("proxy", api.asked[0][1])
        self.assertIsNone(api.asked[0][1]["proxy"])

    def test_tls(self):
        self.assertIn("ssl", self.options(Api(*OLD), "wss://h:1"))
        with tempfile.NamedTemporaryFile(suffix=".pem") as empty, self.assertRaises(_websocket.NoHub), Api(*OLD).installed():
            asyncio.run(_websocket.connect("wss://h:1", ca_file=empty.name))

    def test_token_of_the_environment(self):
        with tempfile.NamedTemporaryFile("w", suffix=".token") as file:
            file.write("from.file\n")
            file.flush()
            with mock.patch.dict(os.environ, SPIDERLING_TOKEN_FILE=file.name):
                self.assertEqual(self.options(Api(*OLD))["extra_headers"], {"Authorization": "Bearer from.file"})
                self.assertEqual(self.options(Api(*OLD), token="mine")["extra_headers"], {"Authorization": "Bearer mine"})
        with mock.patch.dict(os.environ, SPIDERLING_TOKEN_FILE="/no/such/file"), Api(*OLD).installed():
            with self.assertRaisesRegex(_websocket.NoHub, "SPIDERLING_TOKEN_FILE"):
                asyncio.run(_websocket.connect("ws://h:1"))

    def test_every_problem_is_one(self):
        api = Api(*NEW)
        for problem in (OSError("o"), ValueError("v"), EOFError(), asyncio.TimeoutError(), TimeoutError(),
                        api.module.exceptions.WebSocketException("w")):
            api.problem = problem
            with api.installed(), self.assertRaises(_websocket.NoHub) as raised:
                asyncio.run(_websocket.connect("ws://h:1"))
            self.assertTrue(str(raised.exception))


if __name__ == "__main__":
    unittest.main()
