"""Our hub with kitchens, eaters and HTTP clients that nobody here wrote.

Usage: hub.py TEST...      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import asyncio
import json
import subprocess

import websockets
from peers import (DEADLINE, HERE, KITCHEN_HELLO, TOKEN, Certificate, Hub, dumpling, need_node, node_environment,
                   receive, receive_dumplings, run_named, until_known)


async def python_both(hub, token=None):
    async with hub.connect(hub.out_port, token) as eater, hub.connect(hub.in_port, token) as kitchen:
        await eater.send(json.dumps({"eater_name": "python_eater"}))
        await kitchen.send(KITCHEN_HELLO)
        status = await until_known(hub, eater, "dumpling_kitchen_count", 1)
        assert status["dumpling_eater_count"] == 1, status
        assert status["dumpling_kitchens"][0]["info_from_kitchen"] == json.loads(KITCHEN_HELLO), status
        assert status["dumpling_eaters"][0]["info_from_eater"] == {"eater_name": "python_eater"}, status
        assert set(status["dumpling_kitchens"][0]["info_from_hub"]) == {"host", "port"}, status
        sent = [dumpling(i) for i in range(2000)]
        for message in sent:
            await kitchen.send(message)
        assert await receive_dumplings(eater, len(sent)) == sent, "not to the byte, or not in order"
        await eater.close(4102, "dumpling eater is full")
        assert eater.close_code == 4102, eater.close_code


async def python_kitchen_and_eater():
    with Hub("-f", "0.2") as hub:
        await python_both(hub)
        assert hub.stop() == 0


async def python_with_tls_and_token():
    with Hub("-f", "0.2", tls=Certificate(), token=True) as hub:
        await python_both(hub, TOKEN)
        for token in (None, "wrong"):
            try:
                async with hub.connect(hub.out_port, token):
                    raise AssertionError(f"the token {token} was good enough")
            except websockets.InvalidStatusCode as refusal:
                assert refusal.status_code == 401, refusal


def node_both(hub, *options):
    node = [need_node(), str(HERE / "node_client.js")]
    count = 500
    eater = subprocess.Popen([*node, "eater", hub.uri(hub.out_port), str(count), *options], stdout=subprocess.PIPE,
                             env=node_environment(), encoding="utf-8")
    assert eater.stdout.readline().strip() == "ready"
    subprocess.run([*node, "kitchen", hub.uri(hub.in_port), str(count), *options], env=node_environment(), check=True,
                   timeout=DEADLINE)
    lines = [line for line in eater.stdout.read().splitlines() if line != "ready"]
    assert eater.wait(DEADLINE) == 0, eater.returncode
    assert [json.loads(line)["payload"]["number"] for line in lines] == list(range(count))
    assert json.loads(lines[0])["payload"]["text"] == "från node ☃"


def node_kitchen_and_eater():
    with Hub("-f", "0.2") as hub:
        node_both(hub)


def node_with_tls_and_token():
    certificate = Certificate()
    with Hub("-f", "0.2", tls=certificate, token=True) as hub:
        node_both(hub, "--ca", certificate.certificate, "--token", TOKEN)


async def fragments_pings_and_big_messages():
    """One dumpling in many frames, one of a megabyte, one in bytes, and pings between them."""
    with Hub("-f", "0.2") as hub:
        async with hub.connect(hub.out_port, max_size=None) as eater, hub.connect(hub.in_port) as kitchen:
            await eater.send(json.dumps({"eater_name": "python_eater"}))
            await kitchen.send(KITCHEN_HELLO)
            await until_known(hub, eater, "dumpling_kitchen_count", 1)
            text, big = dumpling(1), dumpling(2, payload="x" * 1_000_000)
            await kitchen.send([text[:1], text[1:50], "", text[50:]])
            await asyncio.wait_for(await kitchen.ping(), DEADLINE)
            await kitchen.send(big)
            await asyncio.wait_for(await eater.ping(), DEADLINE)
            assert await receive_dumplings(eater, 2) == [text, big]


async def recorded_session():
    """What the original's kitchen says in a session, byte by byte, and what its eaters are to get of it."""
    said = (HERE / "session_kitchen.txt").read_text(encoding="utf-8").splitlines()
    valid = [line for line in said[1:] if '"chef"' in line]
    with Hub("-f", "0.2") as hub:
        async with hub.connect(hub.out_port) as eater, hub.connect(hub.in_port) as kitchen:
            await eater.send('{"eater_name": "printereater"}')
            await until_known(hub, eater, "dumpling_eater_count", 1)
            for line in said:
                await kitchen.send(line)
            assert await receive_dumplings(eater, len(valid)) == valid
            status = await until_known(hub, eater, "dumpling_kitchen_count", 1)
            assert {"total_dumplings_in", "total_dumplings_out", "server_uptime", "dumpling_kitchen_count",
                    "dumpling_eater_count", "dumpling_kitchens", "dumpling_eaters"} <= set(status), status
            assert status["dumpling_kitchens"][0]["info_from_kitchen"] == json.loads(said[0]), status
            assert kitchen.open, "an invalid dumpling is skipped, the connection stays"


def curl(*arguments):
    """Status code and body."""
    done = subprocess.run(["curl", "-sS", "--max-time", str(DEADLINE), "-w", "\n%{http_code}", *arguments],
                          capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    body, _, code = done.stdout.rpartition("\n")
    return int(code), body


def check_http(base, *options):
    code, _ = curl(*options, f"{base}/healthz")
    assert code == 200, code
    code, body = curl(*options, f"{base}/status")
    assert code == 200 and "total_dumplings_in" in json.loads(body), (code, body)
    code, body = curl(*options, f"{base}/metrics")
    assert code == 200 and "# TYPE" in body, (code, body)
    assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0
               for line in body.splitlines() if line), body
    code, _ = curl(*options, f"{base}/no-such-page")
    assert code == 404, code
    code, _ = curl(*options, "-X", "DELETE", f"{base}/status")
    assert code in (400, 405), code
    code, body = curl(*options, "-I", f"{base}/healthz")
    assert code == 200, code


def http_paths():
    with Hub() as hub:
        check_http(f"http://localhost:{hub.out_port}")
        # Two requests on one connection.
        code, _ = curl("-o", "/dev/null", f"http://localhost:{hub.out_port}/healthz", "-o", "/dev/null",
                       f"http://localhost:{hub.out_port}/status")
        assert code == 200, code


def http_paths_with_tls_and_token():
    certificate = Certificate()
    with Hub(tls=certificate, token=True) as hub:
        base = f"https://localhost:{hub.out_port}"
        check_http(base, "--cacert", certificate.certificate, "-H", f"Authorization: Bearer {TOKEN}")
        code, _ = curl("--cacert", certificate.certificate, f"{base}/status")
        assert code == 401, code


async def refusals():
    """Each with its close code or status; invalid dumplings are skipped, and everyone else is unaffected."""
    with Hub("-f", "0.2", "--hello-timeout", "0.3", "--max-message", "10000") as hub:
        async with hub.connect(hub.out_port) as eater, hub.connect(hub.in_port) as good:
            await eater.send('{"eater_name": "e"}')
            await good.send(KITCHEN_HELLO)
            await until_known(hub, eater, "dumpling_kitchen_count", 1)
            for first in ("no JSON", "[]", None):
                async with hub.connect(hub.in_port) as bad:
                    if first is not None:
                        await bad.send(first)
                    assert await closed(bad) == 1008
            async with hub.connect(hub.in_port) as bad:
                await bad.send(KITCHEN_HELLO)
                await bad.send(dumpling(1, payload="x" * 20000))
                assert await closed(bad) == 1009
            await good.send(b"\xff\xfe")
            await good.send("no dumpling")
            try:
                async with websockets.connect(hub.uri(hub.out_port), origin="http://evil.example"):
                    raise AssertionError("a page of another origin came in")
            except websockets.InvalidStatusCode as refusal:
                assert refusal.status_code == 403, refusal
            await good.send(dumpling(7))
            assert await receive_dumplings(eater, 1) == [dumpling(7)]


async def closed(connection):
    """The code it is closed with."""
    try:
        while True:
            await receive(connection)
    except websockets.ConnectionClosed:
        return connection.close_code


run_named(globals())
