"""Whatever a client does: a clear log line or close code, memory bounded, everyone else unaffected.

Usage: bad_input.py CASE      (the program is $SPIDERLING)
"""
import json
import os
import socket
import subprocess
import sys
import time

from hub_process import (BINARY, CLOSE, PING, PONG, PROGRAM, Client, Hub, Refused, dumpling, frame, run_case, wait_for)

MIB = 1 << 20


def everyone_else_is_unaffected(hub, kitchen, eater, mark):
    kitchen.send(dumpling({"mark": mark}))
    assert json.loads(eater.receive_dumpling())["payload"] == {"mark": mark}


def hello_missing_or_late():
    with Hub("--hello-timeout", "0.5") as hub:
        for port in hub.in_port, hub.out_port:
            assert Client(port).receive_close() == (1008, "no hello came in time")
        half_request = socket.create_connection(("localhost", hub.in_port))
        half_request.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert half_request.recv(1000) == b"", "a request that does not end is given up"
        half_hello = Client(hub.in_port)
        half_hello.send_raw(frame(json.dumps({"kitchen_name": "k"}))[:-3])
        assert half_hello.receive_close()[0] == 1008
        assert hub.metric("connections_rejected_total", reason="no_hello") == 3
        assert hub.event("connection rejected")["why"] == "no_hello"


def hello_wrong():
    with Hub() as hub:
        wrong = ["nonsense", "[]", "7", "{}", '{"kitchen_name": 7, "eater_name": 7}', '{"kitchen_name": "k"', '"k"',
                 json.dumps({"kitchen_name": "k" * 20_000, "eater_name": "e" * 20_000}), ""]
        for port in hub.in_port, hub.out_port:
            for text in wrong:
                client = Client(port)
                client.send(text)
                code, reason = client.receive_close()
                assert code == 1008 and reason, (text, code, reason)
            client = Client(port)
            client.send(b'{"kitchen_name": "k", "eater_name": "e"}', BINARY)
            assert client.receive_close() == (1003, "the hello is not a text message")
            client = Client(port)
            client.send(b'{"kitchen_name": "\xff", "eater_name": "\xff"}')
            assert client.receive_close()[0] == 1007
        assert hub.metric("connections_rejected_total", reason="bad_hello") == 2 * (len(wrong) + 2)
        assert hub.status()["rejected_connections"] == 2 * (len(wrong) + 2)


def invalid_dumplings_are_skipped():
    invalid = ["nonsense", "", "{}", "[]", '{"metadata": {}}', '{"metadata": {"chef": "C"}, "payload": 1}',
               dumpling(None), dumpling(1).replace('"packet"', '"oven"'), dumpling(1).replace("1.5", '"now"'),
               dumpling(1).replace('"C"', "7"), dumpling(1)[:-1], dumpling(1) + "x", dumpling("\\q").replace("\\\\q", "\\q"),
               '{"payload": 1}', "[" * 100_000, dumpling(1).replace('"payload": 1', '"payload": ' + "[" * 300 + "]" * 300)]
    with Hub() as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        for number, text in enumerate(invalid):
            kitchen.send(text)
            everyone_else_is_unaffected(hub, kitchen, eater, number)
        kitchen.send(dumpling(1).encode(), BINARY)
        everyone_else_is_unaffected(hub, kitchen, eater, "binary")
        assert hub.status()["total_dumplings_invalid"] == len(invalid) + 1
        line = hub.event("invalid dumpling skipped")
        assert line["kitchen"] == "k" and line["why"] and line["begins"] == "nonsense", line


def invalid_dumplings_do_not_flood_the_log():
    with Hub() as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        began = time.monotonic()
        kitchen.send_raw(frame("nonsense") * 20_000)
        everyone_else_is_unaffected(hub, kitchen, eater, 1)
        seconds = time.monotonic() - began
        assert hub.status()["total_dumplings_invalid"] == 20_000
        assert len(hub.events("invalid dumpling skipped")) <= seconds + 2


def numbers_beyond_doubles():
    with Hub() as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        for number in "1e999", "-1e999", "123456789012345678901234567890", "0.12345678901234567890123456789", "1E-999":
            text = dumpling(7777).replace("7777", number)
            kitchen.send(text)
            assert eater.receive_dumpling() == text, "not a byte may change"


def invalid_utf8():
    with Hub() as hub:
        kitchen, other, eater = hub.kitchen(), hub.kitchen(), hub.eater()
        kitchen.send(dumpling("x").encode().replace(b'"x"', b'"\xff"'))
        assert kitchen.receive_close()[0] == 1007
        everyone_else_is_unaffected(hub, other, eater, 1)


def ten_megabytes():
    with Hub() as hub:
        kitchen, other, eater = hub.kitchen(), hub.kitchen(), hub.eater()
        before = hub.memory()
        try:
            kitchen.send(dumpling("x" * 10_000_000))
        except ConnectionError:
            pass  # the hub need not read it all
        announced = hub.kitchen()
        announced.send_raw(frame("x" * 70_000, mask=b"\0\0\0\0")[:2] + (10_000_000).to_bytes(8, "big") + b"\0\0\0\0")
        assert announced.receive_close()[0] == 1009, "its length is enough"
        endless = hub.kitchen()
        endless.send("{", fin=False)
        try:
            for _ in range(20):
                endless.send("x" * 100_000, 0, fin=False)
        except ConnectionError:
            pass
        everyone_else_is_unaffected(hub, other, eater, 1)
        assert wait_for(lambda: hub.status()["dumpling_kitchen_count"] == 1, "they are closed")
        assert hub.memory() - before < 20 * MIB
        wait_for(lambda: any("too long" in line["what"] for line in hub.events("connection closed for what it sent")),
                 "the log says so")


def longest_dumpling_passes():
    with Hub("--max-message", "2000000") as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        text = dumpling("x" * 1_900_000)
        kitchen.send(text)
        assert eater.receive_dumpling() == text


def fragments():
    with Hub() as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        text = dumpling("y" * 1000)
        kitchen.send(text[:10], fin=False)
        kitchen.send("are you there", PING)
        kitchen.send(text[10:500], 0, fin=False)
        kitchen.send("", 0, fin=False)
        kitchen.send(text[500:], 0)
        assert eater.receive() == (1, text.encode()), "one message, one frame"
        assert kitchen.receive() == (PONG, b"are you there")
        data = frame(text)
        for byte in data[:200]:  # byte by byte
            kitchen.send_raw(bytes([byte]))
        kitchen.send_raw(data[200:])
        assert eater.receive_dumpling() == text


def frames_against_the_protocol():
    with Hub() as hub:
        other, eater = hub.kitchen(), hub.eater()
        wrong = {
            "no mask": frame(dumpling(1), mask=None),
            "reserved bit": frame(dumpling(1), rsv=4),
            "unknown opcode": frame("x", 3),
            "unknown control opcode": frame("x", 11),
            "continuation of nothing": frame("x", 0),
            "message inside a message": frame("x", fin=False) + frame("y"),
            "fragmented ping": frame("x", PING, fin=False),
            "long ping": frame("x" * 126, PING),
            "close with one byte": frame("x", CLOSE),
            "close with a wrong code": frame((1005).to_bytes(2, "big"), CLOSE),
            "length of 64 bits": b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0",
        }
        for what, data in wrong.items():
            kitchen = hub.kitchen()
            kitchen.send_raw(data)
            code, _ = kitchen.receive_close()
            assert code == 1002, (what, code)
        everyone_else_is_unaffected(hub, other, eater, 1)


def not_http():
    with Hub() as hub:
        for data in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"hello\r\n\r\n", b"\0" * 1000, b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, b"SSH-2.0-OpenSSH_9.2\r\n"):
            client = socket.create_connection(("localhost", hub.out_port))
            client.settimeout(60)
            try:
                client.sendall(data)
                answer = client.recv(1000)
            except ConnectionError:
                answer = b""
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), (data[:20], answer)
        for headers, status in (({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400),
                                ({"Sec-WebSocket-Key": None}, 400), ({"Upgrade": "h2c"}, 404), ({"Connection": "close"}, 404)):
            try:
                Client(hub.out_port, headers=headers)
                raise AssertionError(f"upgraded in spite of {headers}")
            except Refused as refused:
                assert refused.status == status, (headers, refused)
        assert hub.http("/healthz") == (200, "ok\n")


def half_open_connections():
    with Hub("--ping-every", "0.3", "--ping-timeout", "0.5") as hub:
        mute_kitchen, mute_eater = hub.kitchen(), hub.eater("mute")
        eater = hub.eater("answers")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            opcode, payload = eater.receive()
            if opcode == PING:
                eater.send(payload, PONG)
        wait_for(lambda: hub.status()["dumpling_eater_count"] == 1, "the mute eater is closed")
        wait_for(lambda: hub.status()["dumpling_kitchen_count"] == 0, "the mute kitchen is closed")
        assert hub.event("eater did not answer a ping")["eater"] == "mute"
        assert hub.event("kitchen did not answer a ping")
        del mute_kitchen, mute_eater


def million_dumplings_to_no_eaters():
    with Hub() as hub:
        kitchen = hub.kitchen()
        batch = frame(dumpling({"filling": "x" * 100})) * 1000
        kitchen.send_raw(batch * 10)
        wait_for(lambda: hub.status()["total_dumplings_in"] == 10_000, "they came in")
        before = hub.memory()
        for _ in range(990):
            kitchen.send_raw(batch)
        wait_for(lambda: hub.status()["total_dumplings_in"] == 1_000_000, "all came in")
        assert hub.memory() - before < 8 * MIB, hub.memory() - before
        assert hub.status()["total_dumplings_out"] == 0


def eater_that_never_reads():
    with Hub("--eater-queue", "5000") as hub:
        kitchen, stuck = hub.kitchen(), Client(hub.out_port, receive_buffer=4096)
        stuck.send_json({"eater_name": "stuck"})
        eater = hub.eater("reads")
        batch = frame(dumpling({"filling": "x" * 1000})) * 500
        memory = []
        for number in range(100):
            kitchen.send_raw(batch)
            for _ in range(500):
                eater.receive_dumpling()
            if number % 10 == 9:
                memory.append(hub.memory())
        assert memory[-1] - memory[1] < 16 * MIB, memory
        wait_for(lambda: hub.metric("eater_dumplings_dropped_total", eater="stuck") > 20_000, "it is counted")
        assert hub.metric("eater_dumplings_dropped_total", eater="reads") == 0
        assert hub.metric("eater_queue_dumplings", eater="stuck") <= 5000
        line = hub.event("eater is slow: its oldest dumplings are left out")
        assert line["eater"] == "stuck" and line["dropped_so_far"] > 0
        # What it finds when it reads at last: whole dumplings, and the newest among them.
        kitchen.send(dumpling("the last"))
        for _ in range(50_001):
            if json.loads(stuck.receive_dumpling())["payload"] == "the last":
                break
        counts = [hub.metric(f"eater_dumplings_{what}_total", eater="stuck") for what in ("out", "dropped")]
        assert sum(counts) >= 50_001, counts


def slow_eater_is_disconnected():
    with Hub("--slow-eater", "disconnect", "--eater-queue", "1000") as hub:
        kitchen, stuck = hub.kitchen(), Client(hub.out_port, receive_buffer=4096)
        stuck.send_json({"eater_name": "stuck"})
        eater = hub.eater("reads")
        batch = frame(dumpling({"filling": "x" * 1000})) * 200
        end = time.monotonic() + 60
        while hub.status()["dumpling_eater_count"] == 2 and time.monotonic() < end:
            kitchen.send_raw(batch)
            for _ in range(200):
                eater.receive_dumpling()
        assert hub.event("eater is too slow: its queue is full")["eater"] == "stuck"
        assert hub.metric("slow_eaters_closed_total") == 1
        everyone_else_is_unaffected(hub, kitchen, eater, 1)


def thousands_that_say_nothing():
    with Hub("--max-waiting", "100", "--hello-timeout", "600") as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        before = hub.memory()
        silent = []
        for number in range(3000):
            silent.append(socket.create_connection(("localhost", hub.in_port if number % 2 else hub.out_port)))
            if number % 500 == 0:
                everyone_else_is_unaffected(hub, kitchen, eater, number)
        late_kitchen, late_eater = hub.kitchen(), hub.eater("late")
        everyone_else_is_unaffected(hub, late_kitchen, late_eater, "late")
        assert hub.metric("connections_rejected_total", reason="crowded_out") >= 2900
        assert hub.memory() - before < 32 * MIB
        assert len(hub.events("connection rejected")) < 100, "the log is not flooded"


def out_of_descriptors():
    with Hub("--hello-timeout", "600", prefix=("prlimit", "--nofile=64:64")) as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        silent = [socket.create_connection(("localhost", hub.out_port)) for _ in range(100)]
        wait_for(lambda: hub.events("cannot accept a connection"), "it is logged")
        everyone_else_is_unaffected(hub, kitchen, eater, 1)
        before = sum(hub_processor_time(hub))
        time.sleep(1)
        assert sum(hub_processor_time(hub)) - before < 0.5, "it does not spin"
        for client in silent:
            client.close()
        late = hub.eater("late")
        everyone_else_is_unaffected(hub, kitchen, late, 2)
        assert len(hub.events("cannot accept a connection")) < 20


def hub_processor_time(hub):
    """Seconds, of the program and of the kernel for it."""
    with open(f"/proc/{hub.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]


def pings_without_end():
    with Hub() as hub:
        kitchen, eater = hub.kitchen(), hub.eater()
        before = hub.memory()
        pinger = Client(hub.out_port, receive_buffer=4096)
        pinger.send_json({"eater_name": "pinger"})
        batch = frame("x" * 125, PING) * 1000
        pinger.socket.settimeout(2)
        try:
            for _ in range(1000):  # 130 MB, and no pong is read
                pinger.send_raw(batch)
        except (TimeoutError, socket.timeout):
            pass
        everyone_else_is_unaffected(hub, kitchen, eater, 1)
        assert hub.memory() - before < 8 * MIB


def eater_that_talks():
    with Hub() as hub:
        kitchen, eater, talker = hub.kitchen(), hub.eater(), hub.eater("talker")
        talker.send(dumpling("from an eater"))
        talker.send(b"\0\1\2", BINARY)
        everyone_else_is_unaffected(hub, kitchen, eater, 1)
        everyone_else_is_unaffected(hub, kitchen, eater, 2)
        assert json.loads(talker.receive_dumpling())["payload"] == {"mark": 1}
        talker.send("x" * 100_000)
        assert talker.receive_close()[0] == 1009


def port_in_use():
    with Hub() as hub:
        done = subprocess.run([PROGRAM, "hub", "--in-port", str(hub.in_port), "--out-port", "0"], stderr=subprocess.PIPE,
                              text=True, check=False, timeout=60)
        assert done.returncode == 2, done
        assert "in use" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def bad_options():
    for options, wanted in ((["--address", "no.such.host.invalid"], "no address"), (["--address", "192.0.2.1", "--insecure"], "cannot"),
                            (["--slow-eater", "wait"], "slow-eater"), (["--in-port", "70000"], "in-port"),
                            (["--status-freq", "0"], "status-freq"), (["--log-level", "loud"], "log level"),
                            (["--max-message", "900000000"], "queue"), (["--no-such-option"], "no-such-option")):
        done = subprocess.run([PROGRAM, "hub", *options], stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert done.returncode == 2 and wanted in done.stderr and done.stderr.count("\n") == 1, (options, done)


run_case([value for value in list(globals().values()) if callable(value)], sys.argv[1])
