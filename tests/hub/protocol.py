"""What the hub says, and to whom: status, choices of eaters, close codes, HTTP.

Usage: protocol.py CASE      (the program is $SPIDERLING)
"""
import json
import signal
import sys
import time

from hub_process import CLOSE, PING, PONG, Client, Hub, dumpling, run_case, wait_for

HELLO = {"kitchen_name": "default_kitchen", "interface": "all", "filter": "tcp or udp or arp",
         "chefs": ["netdumplings.dumplingchefs.ARPChef"], "poke_interval": 5.0}


def not_a_byte_is_changed():
    with Hub() as hub:
        kitchen, eaters = hub.kitchen(), [hub.eater(f"e{i}") for i in range(5)]
        texts = ['{ "payload" : [1,\t2.50],"metadata":{"chef":"C","driver":"packet","kitchen":null,"creation_time":1e0} }',
                 dumpling("grüße 🥟"), dumpling("x" * 125), dumpling("x" * 70_000), dumpling({"a": {"b": [None, True]}})]
        texts += [dumpling("y" * size) for size in range(1, 60)]
        for text in texts:
            kitchen.send(text)
        for eater in eaters:
            for text in texts:
                assert eater.receive_dumpling() == text


def status_dumpling():
    with Hub("--status-freq", "0.2") as hub:
        kitchen, eater = hub.kitchen(HELLO), hub.eater("statuseater")
        wait_for(lambda: hub.status()["dumpling_kitchen_count"] == 1, "the kitchen is known")
        kitchen.send(dumpling(1))
        status = {}
        while status.get("total_dumplings_in") != 1:
            text = eater.receive_dumpling(status=True)
            whole = json.loads(text)
            if whole["metadata"]["chef"] == "SystemStatusChef":
                status = whole["payload"]
        assert set(whole) == {"metadata", "payload"}
        assert whole["metadata"]["driver"] == "interval" and whole["metadata"]["kitchen"] is None
        assert abs(whole["metadata"]["creation_time"] - time.time()) < 60
        assert status["server_uptime"] > 0
        assert status["dumpling_kitchen_count"] == 1 and status["dumpling_eater_count"] == 1
        assert status["dumpling_kitchens"] == [{
            "info_from_kitchen": HELLO,
            "info_from_hub": {"host": "127.0.0.1", "port": kitchen.socket.getsockname()[1]}}]
        assert status["dumpling_eaters"] == [{
            "info_from_eater": {"eater_name": "statuseater"},
            "info_from_hub": {"host": "127.0.0.1", "port": eater.socket.getsockname()[1]}}]
        assert status["total_dumplings_out"] >= 1
        ours = {"total_dumplings_dropped", "total_dumplings_invalid", "rejected_connections"}
        assert set(status) - ours == {"total_dumplings_in", "total_dumplings_out", "server_uptime", "dumpling_kitchen_count",
                                      "dumpling_eater_count", "dumpling_kitchens", "dumpling_eaters"}
        assert set(hub.status()) == set(status)


def status_of_many_stays_small():
    with Hub("--status-freq", "0.2") as hub:
        clients = []
        for number in range(60):
            client = Client(hub.out_port)
            client.send_json({"eater_name": f"{number}" + "x" * 15_000})
            clients.append(client)
        wait_for(lambda: hub.status()["dumpling_eater_count"] == 60, "they are known")
        assert len(hub.http("/status")[1]) < 600_000
        for _ in range(3):
            while clients[0].receive()[0] != 1:
                pass


def eaters_choose():
    with Hub("--status-freq", "0.1") as hub:
        kitchen = hub.kitchen()
        everything = hub.eater("everything")
        chef = hub.eater("chef", chefs=["A"])
        kitchens = hub.eater("kitchen", kitchens=["west"], chefs=["A", "B"])
        interval = hub.eater("interval", drivers=["interval"], chefs=["A", "B", "C"])
        nothing = hub.eater("nothing", chefs=[])
        status_only = hub.eater("status", chefs=["SystemStatusChef"])
        sent = []
        for name in "ABC":
            for place in "east", "west", None:
                for driver in "packet", "interval":
                    sent.append((name, place, driver))
        for name, place, driver in sent:
            kitchen.send(dumpling(1, name, place, driver))
        last = ("A", "west", "interval")
        kitchen.send(dumpling("last", *last))

        def received(eater):
            got = []
            while True:
                whole = json.loads(eater.receive_dumpling())
                if whole["payload"] == "last":
                    return got
                got.append(tuple(whole["metadata"][key] for key in ("chef", "kitchen", "driver")))

        assert received(everything) == sent
        assert received(chef) == [one for one in sent if one[0] == "A"]
        assert received(kitchens) == [one for one in sent if one[1] == "west" and one[0] in "AB"]
        assert received(interval) == [one for one in sent if one[2] == "interval"]
        for _ in range(3):
            assert '"SystemStatusChef"' in status_only.receive_dumpling(status=True)
        nothing.send("still there", PING)
        assert nothing.receive() == (PONG, b"still there"), "not even the status was wanted"


def close_codes():
    with Hub() as hub:
        eater, kitchen = hub.eater(), hub.kitchen()
        eater.send((4102).to_bytes(2, "big") + b"dumpling eater is full", CLOSE)
        assert eater.receive_close() == (4102, "dumpling eater is full")
        kitchen.send((1000).to_bytes(2, "big"), CLOSE)
        assert kitchen.receive_close() == (1000, "")
        empty = hub.eater()
        empty.send("", CLOSE)
        assert empty.receive_close() == (None, "")
        assert wait_for(lambda: hub.events("eater left (4102 dumpling eater is full)"), "it is logged")


def end_of_the_hub():
    for number in signal.SIGINT, signal.SIGTERM:
        with Hub() as hub:
            eater, kitchen, silent = hub.eater(), hub.kitchen(), Client(hub.out_port)
            wait_for(lambda hub=hub: hub.status()["dumpling_kitchen_count"] == 1, "the kitchen is known")
            kitchen.send(dumpling("last words"))
            wait_for(lambda hub=hub: hub.status()["total_dumplings_in"] == 1, "it came in")
            hub.process.send_signal(number)
            assert json.loads(eater.receive_dumpling())["payload"] == "last words"
            assert eater.receive_close() == (4101, "connection cancelled")
            assert kitchen.receive_close() == (4101, "connection cancelled")
            assert silent.receive_close()[0] == 4101
            assert hub.process.wait(60) == 0
            assert hub.event("hub stops")["dumplings_in"] == 1


def end_of_the_hub_does_not_wait_for_the_dead():
    with Hub("--eater-queue", "100000") as hub:
        stuck, kitchen = Client(hub.out_port, receive_buffer=4096), hub.kitchen()
        stuck.send_json({"eater_name": "stuck"})
        wait_for(lambda: hub.status()["dumpling_eater_count"] == 1, "the eater is known")
        for _ in range(10_000):
            kitchen.send(dumpling("x" * 1000))
        wait_for(lambda: hub.status()["total_dumplings_in"] == 10_000, "all came in")
        began = time.monotonic()
        assert hub.end() == 0
        assert time.monotonic() - began < 10


def http():
    with Hub() as hub:
        assert hub.http("/healthz") == (200, "ok\n")
        assert hub.http("/healthz?verbose") == (200, "ok\n")
        assert hub.http("/healthz", method="HEAD") == (200, "")
        assert hub.http("/status")[0] == 200 and hub.http("/status", method="POST")[0] == 405
        assert hub.http("/")[0] == 404 and hub.http("/etc/passwd")[0] == 404
        status, text = hub.http("/", port=hub.in_port)
        assert status == 426 and str(hub.out_port) in text


def metrics():
    with Hub() as hub:
        kitchen = hub.kitchen({"kitchen_name": 'a "b\\c\n\x1bd', "chefs": []})
        eater = hub.eater("first")
        kitchen.send(dumpling(1))
        kitchen.send("nonsense")
        eater.receive_dumpling()
        assert hub.metric("dumplings_in_total") == 1 and hub.metric("dumplings_invalid_total") == 1
        assert hub.metric("eater_dumplings_out_total", eater="first") == 1
        assert hub.metric("kitchens") == 1 and hub.metric("eaters") == 1
        assert hub.metric("bytes_in_total") == len(dumpling(1))
        text = hub.http("/metrics")[1]
        assert 'kitchen="a \\"b\\\\c\\n?d"' in text, text
        names = set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                names.add(line.split()[2])
            elif not line.startswith("#"):
                assert line.split("{")[0].split(" ")[0] in names, f"{line}: no type"
                float(line.rsplit(" ", 1)[1])


def kitchen_status(chef, handlers=("packet_handler",), calls=5):
    return {"uptime": 1.0, "packets": 7, "malformed": 0, "dumplings": 2, "chefs": [
        {"chef": chef, "set_aside": True, "handlers": [
            {"handler": handler, "calls": calls, "failures": 3, "blocked": 1, "busy_seconds": 0.25, "longest_seconds": 0.125}
            for handler in handlers]}]}


def chef_lines(hub):
    return [line for line in hub.http("/metrics")[1].splitlines() if line.startswith("spiderling_chef_")]


def what_kitchens_tell_of_their_chefs():
    """It is in status and metrics while the kitchen is there; what is none, or too much, is a dumpling like any other."""
    with Hub() as hub:
        kitchen = hub.kitchen()
        eater = hub.eater()
        told = kitchen_status('a"b\n')
        kitchen.send(dumpling(told, chef="KitchenStatusChef", driver="interval"))
        assert json.loads(eater.receive_dumpling())["payload"] == told  # eaters get it as it is
        entry, = hub.status()["dumpling_kitchens"]
        assert entry["chefs"] == told["chefs"], entry
        assert set(entry) == {"info_from_kitchen", "info_from_hub", "chefs"}
        port = entry["info_from_hub"]["port"]
        who = f'kitchen="k",host="127.0.0.1",port="{port}",chef="a\\"b\\n"'
        assert chef_lines(hub) == [f"spiderling_chef_{name}{{{who}{handler}}} {value}" for name, handler, value in (
            ("calls_total", ',handler="packet_handler"', 5), ("failures_total", ',handler="packet_handler"', 3),
            ("blocked_total", ',handler="packet_handler"', 1), ("busy_seconds_total", ',handler="packet_handler"', 0.25),
            ("longest_seconds", ',handler="packet_handler"', 0.125), ("set_aside", "", 1))], chef_lines(hub)

        hostile = [[], {}, "x", kitchen_status("x" * 129), kitchen_status(""), kitchen_status("c", calls=-1),
                   kitchen_status("c", handlers=("same", "same")), kitchen_status("c", handlers=map(str, range(65))),
                   kitchen_status("c", handlers=[])["chefs"], kitchen_status("c", calls=2**64)]
        for payload in hostile:
            kitchen.send(dumpling(payload, chef="KitchenStatusChef", driver="interval"))
            assert json.loads(eater.receive_dumpling())["payload"] == payload
        assert hub.metric("kitchen_status_refused_total") == len(hostile)
        assert hub.metric("dumplings_invalid_total") == 0
        assert len(chef_lines(hub)) == 6  # what was told before

        other = hub.kitchen()
        other.send(dumpling(told, chef="KitchenStatusChef", driver="interval"))
        eater.receive_dumpling()
        assert len(set(chef_lines(hub))) == 12  # of the same name, but not the same series
        other.close()
        kitchen.close()
        wait_for(lambda: not chef_lines(hub), "the figures of kitchens that have left to be gone")


def figures_of_chefs_have_a_limit():
    """Ten kitchens that each tell as much as one may: the metrics stay bounded, and nobody is turned away."""
    with Hub() as hub:
        kitchens = [hub.kitchen() for _ in range(10)]
        handlers = [f"h{i}" for i in range(64)]
        chefs = [{**kitchen_status("c", handlers)["chefs"][0], "chef": f"c{i}"} for i in range(20)]
        for kitchen in kitchens:
            kitchen.send(dumpling({**kitchen_status("c"), "chefs": chefs}, chef="KitchenStatusChef", driver="interval"))
        wait_for(lambda: hub.metric("dumplings_in_total") == 10, "the dumplings")
        assert hub.metric("kitchen_status_refused_total") == 7  # 3 * 20 * 64 handlers have room in 4096
        assert len(chef_lines(hub)) == 3 * (20 * 64 * 5 + 20)
        status = hub.http("/status")[1]
        assert len(status) < 200 << 10 and json.loads(status)["dumpling_kitchen_count"] == 10, len(status)


def many_kitchens_and_eaters():
    with Hub() as hub:
        eaters = [hub.eater(f"e{i}") for i in range(30)]
        kitchens = [hub.kitchen() for _ in range(30)]
        for number in range(20):
            for index, kitchen in enumerate(kitchens):
                kitchen.send(dumpling([index, number]))
        for eater in eaters:
            last = [-1] * len(kitchens)
            for _ in range(20 * len(kitchens)):
                index, number = json.loads(eater.receive_dumpling())["payload"]
                assert number == last[index] + 1, "the order of a kitchen is kept"
                last[index] = number


run_case([value for value in list(globals().values()) if callable(value)], sys.argv[1])
