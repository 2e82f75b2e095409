"""Our eaters with hubs that nobody here wrote (and one kill -9 of ours).

Usage: eaters.py TEST...      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import time

import websockets
from peers import (DEADLINE, HERE, KITCHEN_HELLO, SPIDERLING, TOKEN, Certificate, Hub, Program, dumpling, free_port,
                   need_node, node_environment, receive, run_named, temporary, token_file, wait_for)

STATUS = {"total_dumplings_in": 7, "total_dumplings_out": 9, "server_uptime": 3725.7, "dumpling_kitchen_count": 1,
          "dumpling_eater_count": 2, "dumpling_kitchens": [{"info_from_kitchen": json.loads(KITCHEN_HELLO),
                                                            "info_from_hub": {"host": "127.0.0.1", "port": 40000}}],
          "dumpling_eaters": []}


def status_dumpling():
    return dumpling(0, chef="SystemStatusChef", kitchen=None, driver="interval", payload=STATUS)


class FakeHub:
    """A hub on Python's websockets: sends the same messages to every eater, then waits for its close."""

    def __init__(self, messages, tls=None, then_close=None, port=0):
        self.messages, self.tls, self.then_close, self.port = messages, tls, then_close, port
        self.hellos, self.tokens, self.codes = [], [], []

    async def __aenter__(self):
        self.server = await websockets.serve(self.eater, "127.0.0.1", self.port,
                                             ssl=self.tls.for_server() if self.tls else None)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def eater(self, connection, _path=None):
        self.tokens.append(connection.request_headers.get("Authorization"))
        self.hellos.append(json.loads(await receive(connection)))
        for message in self.messages:
            await connection.send(message)
        if self.then_close:
            await connection.close(*self.then_close)
        await connection.wait_closed()
        self.codes.append(connection.close_code)

    def options(self):
        return ("-h", f"{'wss://' if self.tls else ''}localhost:{self.port}")


async def finished(program):
    """The exit status, while the hub goes on in this thread."""
    return await asyncio.get_running_loop().run_in_executor(None, program.wait)


async def until(condition, what):
    await asyncio.get_running_loop().run_in_executor(None, wait_for, condition, what)


async def print_as_the_original():
    """The text of the original's nd-print, with its JSON."""
    payload = {"b": [1, 2.50, None], "a": {"ö": True, "": {}}}
    messages = [dumpling(0, payload=payload), status_dumpling()]
    async with FakeHub(messages) as hub:
        with Program(*hub.options(), "--count", "2", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert eater.stdout() == (
                f"Connected to nd-hub at ws://localhost:{hub.port}\nWaiting for dumplings...\n\n"
                "2018-01-15T04:32:45.925951 [packet  ] TestChef from test_kitchen\n\n"
                + json.dumps(payload, sort_keys=True, indent=4, separators=(",", ": ")) + "\n\n"
                "2018-01-15T04:32:45.925951 [interval] SystemStatusChef from None\n\n"
                + json.dumps(STATUS, sort_keys=True, indent=4, separators=(",", ": ")) + "\n\n"), eater.stdout()
        with Program(*hub.options(), "--count", "1", "--no-payload", "--color", called="nd-print") as eater:
            assert await finished(eater) == 0
            assert "] \x1b[1mTestChef\x1b[0m from \x1b[1mtest_kitchen\x1b[0m\n" in eater.stdout()
    assert hub.hellos[0] == {"eater_name": "printereater"}, hub.hellos
    assert hub.codes == [4102, 4102], hub.codes


async def ndjson():
    pretty = json.dumps(json.loads(dumpling(3)), indent=2)
    async with FakeHub([dumpling(1), dumpling(2, payload="två"), pretty]) as hub:
        with Program(*hub.options(), "--ndjson", "--count", "3", "-n", "me", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            lines = eater.stdout().splitlines()
            assert lines[:2] == [dumpling(1), dumpling(2, payload="två")], lines
            assert len(lines) == 3 and json.loads(lines[2]) == json.loads(pretty)
    assert hub.hellos == [{"eater_name": "me"}], hub.hellos


async def filters():
    """A hub that sends everything all the same."""
    messages = [dumpling(1, chef="A"), dumpling(2, chef="B"), dumpling(3, chef="A", kitchen="other"),
                dumpling(4, chef="A", driver="interval"), status_dumpling(), dumpling(5, chef="C")]
    async with FakeHub(messages) as hub:
        with Program(*hub.options(), "-c", "A", "-c", "C", "-k", "test_kitchen", "--no-interval-dumplings", "--ndjson",
                     "--count", "2", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert [json.loads(line)["payload"]["number"] for line in eater.stdout().splitlines()] == [1, 5]
    assert hub.hellos == [{"eater_name": "printereater", "chefs": ["A", "C"], "kitchens": ["test_kitchen"],
                           "drivers": ["packet"]}], hub.hellos


async def hub_status():
    async with FakeHub([status_dumpling()]) as hub:
        with Program(*hub.options(), called="nd-hubstatus") as eater:
            await until(lambda: "eaters: 2 " in eater.stdout(), "the status")
            first, _, line = eater.stdout().partition("\r")
            assert first == f"nd-hub status from ws://localhost:{hub.port}\nWaiting for data... ", first
            time.strptime(line[:19], "%Y-%m-%d %H:%M:%S")
            assert line[19:] == "  uptime: 01:02:05  dumplings in: 7  out: 9  kitchens: 1  eaters: 2 ", line
            assert await asyncio.get_running_loop().run_in_executor(None, eater.stop, signal.SIGINT) == 0
    assert hub.hellos[0]["eater_name"] == "statuseater"
    assert hub.codes == [4101], hub.codes


async def hub_details():
    async with FakeHub([dumpling(1), status_dumpling()]) as hub:
        with Program(*hub.options(), called="nd-hubdetails") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert eater.stdout() == (
                f"Connected to nd-hub at ws://localhost:{hub.port}\nWaiting for a SystemStatus dumpling...\n\n"
                + json.dumps(STATUS, sort_keys=True, indent=4, separators=(",", ": ")) + "\n\n"), eater.stdout()
    assert hub.codes == [4102], hub.codes


async def python_server_with_tls_and_token():
    certificate = Certificate()
    messages = [dumpling(i, payload="x" * 3000) for i in range(500)]
    async with FakeHub(messages, tls=certificate) as hub:
        with Program(*hub.options(), "--ca-file", certificate.certificate, "--token-file", token_file(), "--ndjson",
                     "--count", "500", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert eater.stdout().splitlines() == messages
        with Program(*hub.options(), called="nd-print") as eater:
            assert await finished(eater) == 2
            assert "--ca-file" in eater.stderr() and eater.stderr().count("\n") == 1, eater.stderr()
    assert hub.tokens[0] == f"Bearer {TOKEN}"


def node_server():
    command = [need_node(), str(HERE / "node_client.js"), "hub", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=node_environment(), encoding="utf-8") as node:
        port = int(node.stdout.readline())
        with Program("print", "-h", f"127.0.0.1:{port}", "--ndjson", "--count", "1000") as eater:
            assert eater.wait() == 0, eater.stderr()
            numbers = [json.loads(line)["payload"]["number"] for line in eater.stdout().splitlines()]
            assert numbers == list(range(1000))
        assert node.wait(DEADLINE) == 0, "no close frame with 4102"


async def reconnects():
    """The hub goes, and comes back; the eater says so, and eats on."""
    async with FakeHub([dumpling(1)], then_close=(1001, "restarting")) as hub:
        with Program(*hub.options(), "--no-payload", "--count", "5", called="nd-print") as eater:
            await until(lambda: eater.stdout().count("TestChef") >= 2, "a second connection")
            assert "\nLost connection to nd-hub: closed with code 1001: restarting\n" in eater.stdout()
            assert "connecting again" in eater.stderr()
            hub.then_close, hub.messages = None, [dumpling(2)] * 3
            assert await finished(eater) == 0, eater.stderr()
        with Program(*hub.options(), "--no-reconnect", called="nd-print") as eater:
            hub.then_close = (1001, "")
            assert await finished(eater) == 1
            assert "lost the connection" in eater.stderr()


def no_hub():
    """One line that says what to do, and exit status 2: nothing was done."""
    for address, words in ((f"localhost:{free_port()}", "nothing listens"), ("no-such-host.invalid:1", "no-such-host"),
                           ("localhost:0", "is no port"), ("a b", "no address")):
        for name in ("nd-print", "nd-hubstatus", "nd-hubdetails"):
            with Program("-h", address, called=name) as eater:
                assert eater.wait() == 2, (name, address)
                assert words in eater.stderr() and eater.stderr().count("\n") == 1, eater.stderr()
                assert eater.stderr().startswith(f"{name}: "), eater.stderr()


async def broken_messages():
    """What is no dumpling is skipped and counted."""
    broken = ["", "{}", "null", '{"metadata": {"chef": "A"}, "payload": 1}', dumpling(1).replace('"payload"', '"x"'),
              dumpling(1)[:-1], b"\xff\xff", "[" * 5000]
    async with FakeHub([*broken, dumpling(1)]) as hub:
        with Program(*hub.options(), "--ndjson", "--count", "1", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert eater.stdout() == dumpling(1) + "\n"
            assert f"{len(broken)} messages were no dumplings" in eater.stderr(), eater.stderr()


def query(path, *options):
    done = subprocess.run([SPIDERLING, "store", "query", path, *options], capture_output=True, encoding="utf-8",
                          timeout=DEADLINE, check=False, env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    return done.stdout


async def store():
    path = temporary("dumplings.db")
    messages = [dumpling(i, chef="ABC"[i % 3], kitchen=None if i == 4 else "test_kitchen") for i in range(3000)]
    async with FakeHub(messages) as hub:
        with Program(*hub.options(), "--store", path, "--count", "3000", called="nd-print") as eater:
            assert await finished(eater) == 0, eater.stderr()
            assert eater.stdout() == ""
            assert "3000 dumplings, 3000 stored, 0 dropped, 0 failed" in eater.stderr(), eater.stderr()
    assert query(path, "--ndjson").splitlines() == messages
    assert query(path, "--ndjson", "--limit", "2").splitlines() == messages[-2:]
    assert query(path, "--ndjson", "--chef", "B", "--until", "2018-01-15T04:32:50Z").splitlines() == [messages[1], messages[4]]
    assert query(path, "--ndjson", "--kitchen", "test_kitchen", "--since", "1515993763").splitlines() == messages[2998:]
    assert query(path, "--limit", "1", "--no-payload") == "2018-01-15T05:22:44.925951 [packet  ] C from test_kitchen\n"
    assert query(path, "--since", "1h") == ""
    with sqlite3.connect(path) as database:
        row = database.execute("SELECT chef, kitchen, driver, json_extract(json, '$.payload.number') FROM dumplings "
                               "WHERE kitchen IS NULL").fetchall()
        assert row == [("B", None, "packet", 4)], row
        assert database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    with Program("store", "query", path + ".missing") as missing:
        assert missing.wait() == 2 and missing.stderr().count("\n") == 1, missing.stderr()


async def store_waits_for_a_hub():
    """What runs for long may start before its hub. SIGTERM loses nothing that came."""
    port, path = free_port(), temporary("waits.db")
    with Program("-h", f"localhost:{port}", "--store", path, called="nd-print") as eater:
        await until(lambda: "trying again" in eater.stderr(), "the first try")
        async with FakeHub([dumpling(i) for i in range(100)], port=port):
            await until(lambda: os.path.exists(path) and query(path, "--ndjson").count("\n") == 100, "the rows")
            assert await asyncio.get_running_loop().run_in_executor(None, eater.stop) == 0
        assert "100 dumplings, 100 stored" in eater.stderr(), eater.stderr()


async def closed_pipe():
    """| head has seen enough: no error."""
    async with FakeHub([dumpling(i) for i in range(20000)]) as hub:
        shell = await asyncio.create_subprocess_shell(
            f"set -o pipefail; {SPIDERLING} print -h localhost:{hub.port} --ndjson | head -n 3",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, executable="/bin/bash")
        out, err = await asyncio.wait_for(shell.communicate(), DEADLINE)
        assert shell.returncode == 0, (shell.returncode, err)
        assert out.decode().splitlines() == [dumpling(i) for i in range(3)]


def stops_at_once():
    """Connected or not, a signal ends it: status 0."""
    with Hub() as hub:
        for port, sign in ((hub.out_port, "Waiting for dumplings"), (free_port(), None)):
            for number in (signal.SIGINT, signal.SIGTERM):
                options = [] if sign else ["--store", temporary("stops.db")]
                with Program("-h", f"localhost:{port}", *options, called="nd-print") as eater:
                    wait_for(lambda: sign in eater.stdout() if sign else "trying again" in eater.stderr(), "the start")
                    began = time.monotonic()
                    assert eater.stop(number) == 0, eater.stderr()
                    assert time.monotonic() - began < 10


async def hub_killed_under_load():
    """kill -9 of our hub while dumplings flow: the eater comes back to the next one and eats on."""
    ports = (free_port(), free_port())
    with Program("-h", f"localhost:{ports[1]}", "--store", temporary("killed.db"), "--ndjson", called="nd-print") as eater:
        for life in range(3):
            with Hub("-f", "0.2", ports=ports) as hub:
                await until(lambda: eater.stderr().count("connected to") > life, "the connection")
                async with hub.connect(hub.in_port) as kitchen:
                    await kitchen.send(KITCHEN_HELLO)
                    for number in range(5000):
                        await kitchen.send(dumpling(number, payload={"life": life}))
                    await until(lambda: f'{{"life": {life}}}' in eater.stdout(), "dumplings")
                    hub.process.kill()
        assert await asyncio.get_running_loop().run_in_executor(None, eater.stop) == 0
        lines = eater.stdout().splitlines()
        assert all(json.loads(line)["metadata"] for line in lines)
        assert f"{len(lines)} stored, 0 dropped, 0 failed" in eater.stderr(), eater.stderr()[-300:]


run_named(globals())
