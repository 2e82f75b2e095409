"""From nd-sniff to a hub: everything arrives, in order, or is counted; whatever becomes of the hub meanwhile.

Usage: delivery.py TEST...      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "hub"))
from hub_process import Hub  # noqa: E402
from kitchen import (DEADLINE, Kitchen, PacketPipe, RecordingHub, free_port, lookups, run_named, skip, trace_of,
                     wait_for)

DNS = ("-c", "DNSLookupChef")
NO_POKES = (*DNS, "-p", "1e7")


def in_order(numbers):
    return numbers == sorted(numbers)


def a_trace_arrives():
    """The hello first, as the original sends it, then each dumpling, one a message."""
    with RecordingHub() as hub, Kitchen("-h", hub.address(), "-n", "here", *NO_POKES, trace=trace_of(lookups(5000))) as kitchen:
        status, closing = kitchen.finish()
        assert status == 0, kitchen.stderr()
        messages = hub.messages()
        assert set(messages[0]) == {"kitchen_name", "interface", "filter", "chefs", "poke_interval"}, messages[0]
        assert messages[0]["kitchen_name"] == "here" and messages[0]["filter"] == "tcp or udp or arp"
        assert messages[0]["chefs"] == ["netdumplings.dumplingchefs.DNSLookupChef"]
        assert isinstance(messages[0]["poke_interval"], float)
        assert hub.hosts() == list(range(5000))
        assert closing["delivered"] == closing["dumplings"] == len(messages) - 1
        assert closing["dropped"] == closing["undelivered"] == 0
        for message in messages[1:]:
            assert set(message["metadata"]) == {"chef", "kitchen", "creation_time", "driver"}, message


def a_hub_that_comes_later():
    """A kitchen does not need its hub to start."""
    hub = RecordingHub()
    with Kitchen("-h", hub.address(), *NO_POKES, "--flush", str(DEADLINE), trace=trace_of(lookups(1000))) as kitchen:
        wait_for(lambda: "cannot reach the hub" in kitchen.stderr(), "the first try")
        with hub:
            status, closing = kitchen.finish()
            assert status == 0 and closing["dropped"] == 0, (status, closing)
            assert hub.hosts() == list(range(1000))


def a_hub_killed_under_load():
    """kill -9 three times while dumplings flow. What is lost is what the kitchen says: here nothing, since a trace can
    wait. What it says it sent again is all that may have come twice."""
    with RecordingHub() as hub, Kitchen("-h", hub.address(), "-i", "-", *NO_POKES, "--flush", str(DEADLINE)) as kitchen:
        pipe = PacketPipe(kitchen)
        for _ in range(3):
            already = len(hub.hosts())
            pipe.send(3000)
            wait_for(lambda seen=already: len(hub.hosts()) > seen + 100, "dumplings to flow")
            pipe.send(3000)
            hub.kill()
            pipe.send(3000)
            hub.start()
        pipe.end()
        status, closing = kitchen.finish()
        hosts = hub.hosts()
        assert status == 0, (status, kitchen.stderr())
        assert closing["dropped"] == closing["undelivered"] == 0, closing
        assert sorted(set(hosts)) == list(range(pipe.sent)), f"{pipe.sent - len(set(hosts))} lost"
        assert len(hosts) - len(set(hosts)) <= closing["sent_again"], closing
        assert in_order(list(dict.fromkeys(hosts)))
        assert len(hub.hellos()) >= 4


def loss_equals_the_counter():
    """The same with packets that do not wait, and a buffer that is too small: what did not arrive was counted."""
    with RecordingHub() as hub, Kitchen("-h", hub.address(), "-i", "-", "--pace", "original", "--buffer-dumplings", "500",
                                        "--flush", str(DEADLINE), *NO_POKES) as kitchen:
        pipe = PacketPipe(kitchen)
        pipe.send(100)
        wait_for(lambda: len(hub.hosts()) >= 100, "the first dumplings")
        for _ in range(2):
            hub.kill()
            pipe.send(5000)
            wait_for(lambda: "the buffer for the hub is full" in kitchen.stderr(), "the buffer to be full")
            pipe.send(1000)
            hub.start()
            reconnected = len(hub.hosts())
            wait_for(lambda seen=reconnected: len(hub.hosts()) > seen + 100, "the kitchen to come back")
        pipe.end()
        status, closing = kitchen.finish()
        # What was on its way when the hub died may have come twice.
        arrived = {json.dumps(dumpling) for dumpling in hub.dumplings()}
        lost = closing["dumplings"] - len(arrived)
        assert closing["dropped"] > 1000, closing
        assert lost == closing["dropped"], (lost, closing)
        assert closing["delivered"] + closing["dropped"] == closing["dumplings"], closing
        assert status == 1, status  # of a trace, dumplings are missing
        assert in_order(list(dict.fromkeys(hub.hosts())))


def interrupted(number):
    with RecordingHub() as hub, Kitchen("-h", hub.address(), "-i", "-", *NO_POKES) as kitchen:
        pipe = PacketPipe(kitchen)
        pipe.send(2000)
        wait_for(lambda: hub.hosts(), "the first dumpling")
        status, closing = kitchen.interrupt(number)
        assert status == 0, kitchen.stderr()
        assert closing["dumplings"] == closing["delivered"] == len(hub.dumplings()), closing


def sigint_flushes():
    interrupted(signal.SIGINT)


def sigterm_flushes():
    interrupted(signal.SIGTERM)


def the_end_has_a_deadline():
    """A hub that takes the connection and never reads holds nobody up for longer than --flush says."""
    with RecordingHub(None, None, "never-read") as hub, Kitchen("-h", hub.address(), *NO_POKES, "--flush", "1",
                                                                trace=trace_of(lookups(100))) as kitchen:
        began = time.monotonic()
        status, closing = kitchen.finish()
        assert status == 1 and closing["undelivered"] == closing["dumplings"], (status, closing)
        assert time.monotonic() - began < 30


def no_such_host():
    with Kitchen("-h", "no-such-host.invalid", "--flush", "0.2", *NO_POKES, trace=trace_of(lookups(10))) as kitchen:
        status, closing = kitchen.finish()
        assert status == 1 and closing["undelivered"] == closing["dumplings"], (status, closing)
        assert "no-such-host.invalid" in kitchen.stderr()


def token():
    with tempfile.NamedTemporaryFile("w", suffix=".token") as file:
        file.write("a-secret\n")
        file.flush()
        with RecordingHub(None, None, "token=a-secret") as hub:
            with Kitchen("-h", hub.address(), "--flush", "0.5", *NO_POKES, trace=trace_of(lookups(10))) as kitchen:
                status, _ = kitchen.finish()
                assert status == 1 and not hub.hosts(), "without a token"
                assert "a-secret" not in kitchen.stderr()
            with Kitchen("-h", hub.address(), "--token-file", file.name, *NO_POKES, trace=trace_of(lookups(10))) as kitchen:
                status, _ = kitchen.finish()
                assert status == 0 and hub.hosts() == list(range(10)), kitchen.stderr()


def python_websockets(tls=False):
    """A server that nobody here wrote: Debian's python3-websockets, which the original's hub runs on."""
    check = subprocess.run(["/usr/bin/python3", "-c", "import websockets"], capture_output=True, check=False)
    if check.returncode != 0:
        skip("needs python3-websockets")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                           capture_output=True, check=True)
        server = subprocess.Popen(["/usr/bin/python3", "-c", SERVER, str(port), certificate if tls else "", key],
                                  stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout.readline() == "listening\n"
            options = ("--ca-file", certificate) if tls else ()
            with Kitchen("-h", f"{'wss' if tls else 'ws'}://localhost:{port}", *options, *NO_POKES,
                         trace=trace_of(lookups(2000))) as kitchen:
                status, closing = kitchen.finish()
                assert status == 0, kitchen.stderr()
                assert server.stdout.readline() == f"{int(closing['dumplings'])} 1000\n"
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


SERVER = """
import asyncio, json, ssl, sys, websockets
async def kitchen(socket, path=None):
    json.loads(await socket.recv())
    count = 0
    async for message in socket:
        assert json.loads(message)["metadata"]["chef"] in ("DNSLookupChef", "KitchenStatusChef")
        count += 1
    print(count, socket.close_code, flush=True)
async def main():
    context = None
    if sys.argv[2]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    async with websockets.serve(kitchen, "localhost", int(sys.argv[1]), ssl=context):
        print("listening", flush=True)
        await asyncio.Future()
asyncio.run(main())
"""


def a_hub_that_takes_no_such_message():
    """A dumpling that the hub will never take (1009) is lost and counted; it is not sent again for ever."""
    if subprocess.run(["/usr/bin/python3", "-c", "import websockets"], capture_output=True, check=False).returncode != 0:
        skip("needs python3-websockets")
    port = free_port()
    server = subprocess.Popen(["/usr/bin/python3", "-c", SERVER.replace("ssl=context", "ssl=context, max_size=1000"),
                               str(port), "", ""], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout.readline() == "listening\n"
        with Kitchen("-h", f"localhost:{port}", *NO_POKES, "--flush", str(DEADLINE), trace=trace_of(lookups(200))) as kitchen:
            status, closing = kitchen.finish()
        assert status == 1 and closing["undelivered"] == 0 and closing["dropped"] > 0, (status, closing)
        assert closing["delivered"] + closing["dropped"] == closing["dumplings"], closing
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def python_websockets_tls():
    python_websockets(tls=True)


def certificates_are_checked():
    """A hub with a certificate of nobody's is not spoken to."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=elsewhere"], capture_output=True, check=True)
        port = free_port()
        server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", certificate, "-key", key, "-quiet"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: reachable(port), "the TLS server")
            with Kitchen("-h", f"wss://localhost:{port}", "--flush", "1", *NO_POKES, trace=trace_of(lookups(5))) as kitchen:
                status, closing = kitchen.finish()
                assert status == 1 and closing["undelivered"] == closing["dumplings"], (status, kitchen.stderr())
                assert "certificate" in kitchen.stderr().lower(), kitchen.stderr()
        finally:
            server.kill()
            server.wait()


def flow_records_are_dumplings():
    """spiderling observe --hub: the records that --output would have given, as payloads of chef FlowObserver."""
    with RecordingHub() as hub, tempfile.NamedTemporaryFile(suffix=".pcap") as trace:
        trace.write(trace_of("repeat 3000 +0.001 10.0.0.1:{1000+i} > 10.0.0.2:53 udp len=1\n"))
        trace.flush()
        command = [os.environ["SPIDERLING"], "observe", "-i", trace.name, "basic", "tcp"]
        plain = subprocess.run(command, capture_output=True, check=True).stdout
        sent = subprocess.run([*command, "--hub", hub.address(), "--kitchen-name", "k"], capture_output=True, check=False)
        assert sent.returncode == 0 and not sent.stdout, sent.stderr
        assert b"3000 delivered, 0 dropped on the way, 0 undelivered" in sent.stderr, sent.stderr
        hello, = hub.hellos()
        assert hello["chefs"] == ["spiderling.FlowObserver"] and hello["kitchen_name"] == "k", hello
        dumplings = hub.dumplings()
        assert [d["payload"] for d in dumplings] == [json.loads(line) for line in plain.splitlines()]
        assert {(d["metadata"]["chef"], d["metadata"]["kitchen"], d["metadata"]["driver"]) for d in dumplings} == {
            ("FlowObserver", "k", "packet")}


def figures_of_chefs_are_in_the_hubs_metrics():
    """nd-sniff to nd-hub: while the kitchen is there, /metrics and /status have what its handlers did."""
    with Hub() as hub, Kitchen("-h", f"127.0.0.1:{hub.in_port}", "-i", "-", "-n", "here", *NO_POKES) as kitchen:
        pipe = PacketPipe(kitchen)
        pipe.send(500)

        def calls():
            lines = [line for line in hub.http("/metrics")[1].splitlines() if line.startswith("spiderling_chef_calls_total{")]
            return {line.split('handler="')[1].split('"')[0]: int(line.split()[-1]) for line in lines}

        wait_for(lambda: calls().get("packet_handler") == 500, "the kitchen to tell of 500 calls")
        entry, = hub.status()["dumpling_kitchens"]
        assert [chef["chef"] for chef in entry["chefs"]] == ["DNSLookupChef"], entry
        assert not entry["chefs"][0]["set_aside"]
        details = subprocess.run([os.environ["SPIDERLING"], "details", "-h", f"localhost:{hub.out_port}", "--no-color"],
                                 capture_output=True, text=True, check=True).stdout
        assert '"busy_seconds"' in details, details
        pipe.end()
        status, closing = kitchen.finish()
        assert status == 0 and closing["delivered"] == closing["dumplings"], kitchen.stderr()


def without_kitchen_status_there_is_none():
    with RecordingHub() as hub, Kitchen("-h", hub.address(), "--no-kitchen-status", *NO_POKES,
                                        trace=trace_of(lookups(3))) as kitchen:
        assert kitchen.finish()[0] == 0
        assert {d["metadata"]["chef"] for d in hub.dumplings()} == {"DNSLookupChef"}
    with RecordingHub() as hub, Kitchen("-h", hub.address(), *NO_POKES, trace=trace_of(lookups(3))) as kitchen:
        assert kitchen.finish()[0] == 0
        last = hub.dumplings()[-1]
        assert last["metadata"]["chef"] == "KitchenStatusChef" and last["metadata"]["driver"] == "interval", last
        assert last["payload"]["packets"] == 3, last


def reachable(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    run_named(globals(), sys.argv[1:])
